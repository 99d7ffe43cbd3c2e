import { expect } from 'chai';
import { ASSUMED_OF_MAP, OverDump } from './over-dump.ts';

const NOTES = ASSUMED_OF_MAP.map((each) => `! assumed: ${each}`);
const RANGES = 'linear addresses                         size  rights  pages, accessed, dirty; where they lead';
const RANGE_LINES = [
  '0x0000000200000000-0x0000000200000fff      4K  r-x-  1x4K A=1 D=0  → 0x5000-0x5fff RAM',
  '0x0000000200001000-0x0000000200002fff      8K  rw--  2x4K A=2 D=2  → 2 pieces in 0x100000-0x9000fff RAM, not in the dump',
  '0x0000000200004000-0x0000000200007fff     16K  rw--  4x4K A=4 D=4  → 0x100000-0x103fff RAM',
  '0x0000000200200000-0x00000002003fffff      2M  rw-- G  1x2M A=1 D=1  → 0x200000-0x3fffff not in the dump',
  '0x0000000200600000-0x0000000200600fff      4K  r-xu  1x4K A=1 D=0  → 0x7000-0x7fff RAM',
  '0x0000000200601000-0x0000000200602fff      8K  rwxu  2x4K A=2 D=2  → 2 pieces in 0x8000-0x8000000007fff RAM, not in the dump',
  '0x0000000200603000-0x0000000200603fff      4K  r-xu  1x4K A=1 D=0  → 0x5000-0x5fff RAM',
];
/** The PML4E of the upper half leads to the same tables. */
const upper = (line: string): string => line.replaceAll('0x00000002', '0xffff8002');
const NO_PAGING = 'pagewalk: paging is off on vCPU 2: every linear address is the physical one';
const NO_ROOT =
  'pagewalk: the root table at 0x9000000 is neither in RAM nor in ROM: nothing is known of this address space';

describe('cli, over a dump: map', () => {
  const over = new OverDump();
  after(() => over[Symbol.dispose]());

  it('shows ranges, with what they rest on', async () => {
    expect(await over.run('map')).to.deep.equal({
      status: 0,
      out: ['4-level paging, CR3 0x1000, vCPU 0', ...NOTES, RANGES, ...RANGE_LINES, ...RANGE_LINES.map(upper)],
      err: [],
    });
  });

  it('takes what a filter takes', async () => {
    const { out } = await over.run('map --filter w+x');
    const taken = RANGE_LINES.filter((line) => line.includes('rwxu'));
    expect(out.slice(NOTES.length + 2)).to.deep.equal([...taken, ...taken.map(upper)]);
    expect(out[0]).to.equal('4-level paging, CR3 0x1000, vCPU 0, w+x only');
  });

  it('stops at a limit, says so, and has status 1', async () => {
    const { status, out, err } = await over.run('map --limit 2');
    expect(out.slice(NOTES.length + 2)).to.deep.equal(RANGE_LINES.slice(0, 2));
    expect({ status, err }).to.deep.equal({
      status: 1,
      err: ['pagewalk: stopped after 2 ranges: take --limit N for more, or a part with --range'],
    });
  });

  it('shows pages of a range', async () => {
    const { status, out } = await over.run('map --leaves --range 0x200002000-0x2002fffff');
    expect(status).to.equal(0);
    expect(out.slice(NOTES.length + 1)).to.deep.equal([
      'address             page  rights  accessed, dirty; where it leads',
      '0x0000000200002000    4K  rw--  AD  → 0x9000000 not in the dump',
      '0x0000000200004000    4K  rw--  AD  → 0x100000 RAM',
      '0x0000000200005000    4K  rw--  AD  → 0x101000 RAM',
      '0x0000000200006000    4K  rw--  AD  → 0x102000 RAM',
      '0x0000000200007000    4K  rw--  AD  → 0x103000 RAM',
      '0x0000000200200000    2M  rw-- G  AD  → 0x200000 not in the dump',
    ]);
  });

  it('sums up', async () => {
    const { status, out } = await over.run('map --summary');
    expect(status).to.equal(0);
    expect(out.slice(NOTES.length + 1)).to.deep.equal([
      'rights  mapped  4K  2M  accessed  dirty',
      'rwxu       16K   4   0         4      4',
      'rw--      4.0M  12   2        14     14',
      'r-xu       16K   4   0         4      0',
      'r-x-        8K   2   0         2      0',
      'all       4.1M  22   2        24     18',
      'tables take 20K; tables outside of memory: 1',
      '! writable and executable: 16K in 2 ranges',
      '  0x0000000200601000-0x0000000200602fff  rwxu',
      '  0xffff800200601000-0xffff800200602fff  rwxu',
      '! user-accessible in the upper half: 16K in 3 ranges',
      '  0xffff800200600000-0xffff800200600fff  r-xu',
      '  0xffff800200601000-0xffff800200602fff  rwxu',
      '  0xffff800200603000-0xffff800200603fff  r-xu',
    ]);
  });

  it('gives a program the same', async () => {
    const { out } = await over.run('map --json --range 0x200004000+0x2000');
    const [heading, range, end] = out.map((line) => JSON.parse(line));
    expect(heading).to.deep.include({ kind: 'map', of: 'ranges', first: '0x200004000', last: '0x200005fff', cpu: 0 });
    expect(heading.assumed.map(({ name }: { readonly name: string }) => name)).to.deep.equal(
      'a20 maxPhyAddr vendor pse36 pdpe1gb'.split(' '),
    );
    expect(range).to.deep.include({ first: '0x200004000', last: '0x200005fff', physicalFirst: '0x100000', dirty: 2 });
    expect(end).to.deep.equal({
      ...{ kind: 'end', complete: true, count: 1, rootReadable: true },
      ...{ tablePages: 4, reservedEntries: 0, unbackedTables: 0 },
    });
  });

  it('names what was changed, and the CR3 that was given', async () => {
    const [heading] = (await over.run('map --json --set MAXPHYADDR=40 --set CR3=0x1000 --set CR4.SMEP=1')).out.map(
      (line) => JSON.parse(line),
    );
    expect(heading).to.deep.include({ cr3: '0x1000', changes: ['MAXPHYADDR=40', 'CR4.SMEP=1'] });
  });

  it('shows what is there where paging is off, and A and D of nothing', async () => {
    const { status, out, err } = await over.run('map --cpu 2');
    expect({ status, err, out: [out[0], ...out.slice(-2)] }).to.deep.equal({
      status: 0,
      err: [NO_PAGING],
      out: [
        'paging off, vCPU 2',
        '0x00000000-0x00008fff     36K  rwxu  no pages  → 0x0-0x8fff RAM',
        '0x00100000-0x00103fff     16K  rwxu  no pages  → 0x100000-0x103fff RAM',
      ],
    });
    const pages = (await over.run('map --cpu 2 --leaves --range 0x8000-0x100fff')).out;
    expect(pages.slice(-2)).to.deep.equal([
      '0x00008000    4K  rwxu  --  → 0x8000 RAM',
      '0x00100000    4K  rwxu  --  → 0x100000 RAM',
    ]);
    const [, range] = (await over.run('map --cpu 2 --json')).out.map((line) => JSON.parse(line));
    expect(range).to.deep.include({ accessed: 0, dirty: 0, leaves: {}, physicalPieces: 1 });
  });

  it('knows nothing where the root table is not in the dump, and has status 1', async () => {
    const { status, out, err } = await over.run('map --cr3 0x9000000');
    expect({ status, err }).to.deep.equal({ status: 1, err: [NO_ROOT] });
    expect(out.at(-1)).to.equal(RANGES);
  });
});

describe('cli, over a dump: find', () => {
  const over = new OverDump();
  after(() => over[Symbol.dispose]());

  it('finds every address', async () => {
    const found = [
      '0x0000000200000000  r-x-  1x4K A=1 D=0  → 0x5000',
      '0x0000000200603000  r-xu  1x4K A=1 D=0  → 0x5000',
    ];
    expect(await over.run('find 0x5000')).to.deep.equal({
      status: 0,
      out: [...NOTES, ...found, ...found.map(upper)],
      err: [],
    });
  });

  it('finds the part of a range that pages in a row lead to', async () => {
    const { out } = await over.run('find 0x101800-0x102001 --range 0-0x2ffffffff');
    expect(out.slice(NOTES.length)).to.deep.equal([
      '0x0000000200005800-0x0000000200006001  rw--  2x4K A=2 D=2  → 0x101800-0x102001',
    ]);
  });

  for (const [words, said] of [
    ['0x8000000', '0x8000000'],
    ['0x8000000-0x8000000', '0x8000000'],
    ['0x8000000-0x8000fff', '0x8000000-0x8000fff'],
  ]) {
    it(`says that nothing leads to ${words}, with status 1`, async () => {
      const { status, err } = await over.run(`find ${words} --range 0x1000-0x1fff`);
      expect({ status, err }).to.deep.equal({
        status: 1,
        err: [`pagewalk: no linear address from 0x1000 to 0x1fff leads to ${said}`],
      });
      expect((await over.run(`find ${words}`)).err).to.deep.equal([`pagewalk: no linear address leads to ${said}`]);
    });
  }

  it('is incomplete where the root table is not in the dump', async () => {
    const { status, err } = await over.run('find 0x5000 --set CR3=0x9000000');
    expect({ status, err }).to.deep.equal({ status: 5, err: [NO_ROOT] });
  });

  it('gives a program the same, with what it rests on', async () => {
    const { status, out, err } = await over.run('find 0x5000-0x5fff --cpu 2 --json');
    expect({ status, err }).to.deep.equal({ status: 0, err: [NO_PAGING] });
    const [alias, end] = out.map((line) => JSON.parse(line));
    expect(alias).to.deep.equal({
      ...{ kind: 'alias', first: '0x5000', last: '0x5fff', physicalFirst: '0x5000', pageSize: null },
      ...{ rights: { write: true, user: true, exec: true }, protectionKey: null, global: false },
      ...{ leaves: 0, accessed: 0, dirty: 0 },
    });
    const { assumed, ...rest } = end;
    expect(rest).to.deep.equal({ kind: 'end', complete: true, count: 1, rootReadable: true });
    expect(assumed.map(({ name }: { readonly name: string }) => name)).to.deep.equal(
      'nested a20 maxPhyAddr vendor pse36 pdpe1gb'.split(' '),
    );
  });

  it('has status 4 with --strict', async () => {
    const { status, err } = await over.run('find 0x5000 --strict');
    expect({ status, err }).to.deep.equal({
      status: 4,
      err: ASSUMED_OF_MAP.map((each) => `pagewalk: --strict: ${each}`),
    });
  });
});
