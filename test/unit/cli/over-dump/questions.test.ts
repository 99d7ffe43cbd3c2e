import { existsSync, readFileSync, statSync } from 'node:fs';
import { expect } from 'chai';
import { mappedDump } from '../../../support/builders/mapped-dump.ts';
import { assumedOfWalk, OverDump } from './over-dump.ts';

const MEMORY_TYPES =
  'PAT and MTRRs=PAT as at reset, no MTRRs (PAT and MTRRs are not known where this guest comes from); the outcome depends on it';
/** HV_INPUT_TRANSLATE_VIRTUAL_ADDRESS: the partition itself, VpIndex 0, validate read and write, GVA page 0x200000. */
const INPUT = 'ffffffffffffffff000000000000000003000000000000000000200000000000';
/** A kernel's own list, as /proc/kallsyms has it. */
const SYMBOLS = [
  'ffff800200000000 T _text',
  'ffff800200000010 T start_kernel',
  'ffff800200004000 D _sdata',
  '0000000200601000 t user_code',
];

describe('cli, over a dump: hv-translate', () => {
  const over = new OverDump();
  after(() => over[Symbol.dispose]());

  it('shows the walk, the result and the bytes', async () => {
    expect(await over.run('hv-translate 0x200000010 --validate r')).to.deep.equal({
      status: 0,
      out: [
        '0x0000000200000010  VALIDATE_READ   4-level paging, CR3 0x1000, vCPU 0, CPL 0',
        '└─ PML4[0]         0x1000: 0x0000000000002067  P RW US A',
        '   └─ PDPT[8]      0x2040: 0x0000000000003067  P RW US A',
        '      └─ PD[0]     0x3000: 0x0000000000004067  P RW US A',
        '         └─ PT[0]  0x4000: 0x0000000000005021  P RO SU A',
        '✓ Success: GPA page 0x5 (0x5010), WB',
        '  HvCallTranslateVirtualAddress: 0000000006000000 0500000000000000',
        ...assumedOfWalk(),
        `! assumed: ${MEMORY_TYPES}`,
      ],
      err: [],
    });
  });

  it('answers a list in lines', async () => {
    const list = over.file('list', '0x200000010\n0x200400000\n');
    for (const words of ['0x200000010 0x200400000', `--from ${list}`]) {
      expect(await over.run(`hv-translate ${words} --validate r --brief`), words).to.deep.equal({
        status: 1,
        out: ['0x0000000200000010  0x5010  Success  WB  ?memoryTypes', '0x0000000200400000  -  GpaUnmapped  0x9000'],
        err: [`pagewalk: ?memoryTypes: assumed: ${MEMORY_TYPES}`],
      });
    }
    expect((await over.run('hv-translate 0x200000010 --validate r --brief --strict')).status).to.equal(4);
  });

  it('replays an input, and explains bytes without any guest', async () => {
    expect(await over.run(`hv-translate --input ${INPUT} --brief`)).to.deep.equal({
      status: 1,
      out: ['0x0000000200000000  -  PrivilegeViolation'],
      err: [],
    });
    const decoded: readonly (readonly [string, string])[] = [
      [INPUT, 'GVA page 0x200000 (0x200000000)  VALIDATE_READ, VALIDATE_WRITE (0x3)   partition SELF, VP 0'],
      [INPUT.replace('03', '00'), 'GVA page 0x200000 (0x200000000)  no flags (0x0)   partition SELF, VP 0'],
      ['00000000060000000500000000000000', '✓ Success: GPA page 0x5, WB'],
      ['02000000000000000000000000000000', '✗ PrivilegeViolation'],
    ];
    for (const [bytes, line] of decoded) {
      const { status, out, err } = await over.runBare(`hv-translate --decode ${bytes}`);
      expect({ status, err, first: out[0] }, bytes).to.deep.equal({ status: 0, err: [], first: line });
    }
    const file = over.file('bytes', Buffer.from(INPUT, 'hex'));
    const { out } = await over.runBare(`hv-translate --decode @${file} --json`);
    expect(out.map((line) => JSON.parse(line))).to.deep.equal([
      {
        ...{ kind: 'input', partitionId: '0xffffffffffffffff', vpIndex: 0, controlFlags: '0x3' },
        ...{ flags: ['VALIDATE_READ', 'VALIDATE_WRITE'], gvaPage: '0x200000', linearAddress: '0x200000000' },
      },
    ]);
    for (const bytes of [INPUT.slice(2), `${INPUT}00`, 'xy']) {
      expect((await over.runBare(`hv-translate --decode ${bytes}`)).status, bytes).to.equal(2);
    }
  });
});

describe('cli, over a dump: names', () => {
  const over = new OverDump();
  after(() => over[Symbol.dispose]());
  const symbols = over.file('System.map', `${SYMBOLS.join('\n')}\n`);

  it('takes addresses and ranges by symbols of a file, where there is no Linux to ask', async () => {
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ['translate start_kernel --brief', ['0xffff800200000010  0x5010  4K  r-x-  start_kernel+0x0/0x3ff0']],
      ['translate start_kernel+5 --brief', ['0xffff800200000015  0x5015  4K  r-x-  start_kernel+0x5/0x3ff0']],
    ];
    for (const [words, lines] of cases) {
      const { status, out, err } = await over.run(`${words} --symbols ${symbols}`);
      expect({ status, out, err }, words).to.deep.equal({ status: 0, out: lines, err: [] });
    }
    const ranges: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
      ['_sdata+0x1000', [['0xffff800200004000', '0xffff800200004fff']]],
      ['_sdata+0x2000', [['0xffff800200004000', '0xffff800200005fff']]],
      ['_text-start_kernel', [['0xffff800200000000', '0xffff800200000fff']]],
      [
        '0xffff800200000000-_sdata',
        [
          ['0xffff800200000000', '0xffff800200000fff'],
          ['0xffff800200001000', '0xffff800200002fff'],
          ['0xffff800200004000', '0xffff800200004fff'],
        ],
      ],
    ];
    for (const [range, parts] of ranges) {
      const { status, out } = await over.run(`map --json --range ${range} --symbols ${symbols}`);
      const lines = out.map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'range');
      expect(status).to.equal(0);
      expect(
        lines.map(({ first, last }) => [first, last]),
        range,
      ).to.deep.equal(parts);
    }
    const [whole] = (await over.run(`map --json --range start_kernel --symbols ${symbols}`)).out.map((line) =>
      JSON.parse(line),
    );
    expect(whole, 'up to the next symbol').to.include({ first: '0xffff800200000010', last: '0xffff800200003fff' });
    const backwards = await over.run(`map --range _sdata-_text --symbols ${symbols}`);
    expect(backwards.status).to.equal(2);
    expect(backwards.err[0]).to.contain('ends before it begins');
  });

  it('finds symbols of a file, and says what is not there', async () => {
    const found = await over.run(`symbols start* --symbols ${symbols}`);
    expect({ status: found.status, out: found.out }).to.deep.equal({
      status: 0,
      out: ['ffff800200000010 T start_kernel'],
    });
    const place = await over.run(`symbols 0xffff800200000012 --symbols ${symbols}`);
    expect(place.out).to.deep.equal(['0xffff800200000012  start_kernel+0x2/0x3ff0']);
    for (const words of ['symbols', 'ps', 'translate start_kernel', 'find start_kernel', 'map --pid 1']) {
      const { status, out, err } = await over.run(words);
      expect({ status, out }, words).to.deep.equal({ status: 3, out: [] });
      expect(err[0], words).to.match(/^pagewalk: Linux: there is none in the address space of vCPU 0/);
    }
    const unknown = await over.run(`translate do_exit --symbols ${symbols}`);
    expect(unknown.out).to.deep.equal([]);
    expect(unknown.err[0]).to.match(/do_exit/);
    const missing = await over.run(`translate _text --symbols ${symbols}.not`);
    expect({ status: missing.status, out: missing.out }).to.deep.equal({ status: 2, out: [] });
    expect(missing.err[0]).to.contain(`${symbols}.not: cannot be read`);
  });

  it('takes registers as addresses', async () => {
    expect((await over.run('translate rip rip+0x10 cr2 --brief')).out).to.deep.equal([
      '0x0000000200000010  0x5010  4K  r-x-',
      '0x0000000200000020  0x5020  4K  r-x-',
      '0x0000000000000000  -  NOT_PRESENT  0x0  0x2000',
    ]);
    const { status, out } = await over.run('map --range rip+0x1000 --leaves --json');
    expect(status).to.equal(0);
    expect(out.map((line) => JSON.parse(line).address).filter((address) => address !== undefined)).to.deep.equal([
      '0x200000000',
      '0x200001000',
    ]);
  });
});

describe('cli, over dumps: diff and pictures', () => {
  const over = new OverDump();
  after(() => over[Symbol.dispose]());
  const changed = mappedDump();
  // The PTE of the data page, which becomes read-only and clean.
  const at = changed.indexOf(Buffer.from('6300100000000080', 'hex'));
  changed[at] = 0x21;
  const other = over.file('other.elf', changed);

  it('shows what differs between two dumps, at both places that lead there', async () => {
    const same = await over.runBare(`diff --dump ${over.dump} --dump ${over.dump}`);
    expect({ status: same.status, out: same.out }).to.deep.equal({ status: 0, out: [] });
    const { status, out } = await over.runBare(`diff --dump ${over.dump} --dump ${other}`);
    expect(status).to.equal(1);
    expect(out.map((line) => line.split(' ').slice(0, 2))).to.deep.equal([
      ['~', '0x0000000200001000-0x0000000200001fff'],
      ['~', '0xffff800200001000-0xffff800200001fff'],
    ]);
    const { out: json } = await over.runBare(`diff --dump ${over.dump} --dump ${other} --json --range 0-0x2ffffffff`);
    const [change] = json.map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'change');
    expect(change.differences).to.have.members(['rights', 'dirty']);
    const limited = await over.runBare(`diff --dump ${over.dump} --dump ${other} --limit 1`);
    expect(limited.out).to.have.length(1);
    expect(limited.err.at(-1)).to.match(/--limit/);
  });

  it('draws maps and differences for their user alone, and refuses before anything is read where it cannot', async () => {
    const page = over.file('map.html', '');
    const drawn = await over.run(`map --html ${page}`);
    expect(drawn.status, drawn.err.join()).to.equal(0);
    expect(drawn.out).to.have.length(1);
    expect(drawn.out[0]).to.match(/^\/.*map\.html: 0\.\d MB, to look at in a browser$/);
    expect(readFileSync(page, 'utf8')).to.match(/^<!doctype html>/i);
    const fresh = `${page}.new`;
    expect((await over.runBare(`diff --dump ${over.dump} --dump ${other} --html ${fresh}`)).status).to.equal(1);
    expect(statSync(fresh).mode & 0o777).to.equal(0o600);
    expect((await over.runBare(`diff --dump ${over.dump} --dump ${over.dump} --html ${fresh}`)).status).to.equal(0);
    for (const words of [
      `map --html /nowhere/map.html --dump ${over.dump}`,
      `diff --dump ${over.dump} --dump ${other} --html /nowhere/d.html`,
    ]) {
      const { status, out, err } = await over.runBare(words);
      expect({ status, out }, words).to.deep.equal({ status: 2, out: [] });
      expect(err[0], words).to.contain('/nowhere');
    }
    expect(existsSync('/nowhere')).to.equal(false);
  });
});
