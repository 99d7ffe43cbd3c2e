import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { linuxDump, SMALL_LINUX } from '../../../support/builders/linux-dump.ts';
import { ASSUMED_OF_MAP, type Ended, OverDump } from './over-dump.ts';

const RANGES = 'linear addresses                         size  rights  pages, accessed, dirty; where they lead';
const NOTES = ASSUMED_OF_MAP.map((each) => `! assumed: ${each}`);
const OF_INIT = [
  '0x0000000000400000-0x0000000000400fff      4K  r-xu  1x4K A=1 D=0  → 0x50000-0x50fff RAM',
  '0x0000000000600000-0x0000000000600fff      4K  rw-u  1x4K A=1 D=1  → 0x51000-0x51fff RAM',
];
const usage = (command: string, problem: string): Ended => ({
  ...{ status: 2, out: [], err: [`pagewalk: ${problem}`, `Try: pagewalk help ${command}`] },
});

/** What is left of a map without what is assumed in it. */
function withoutNotes({ status, out, err }: Ended): Ended {
  return { status, out: out.filter((line) => !NOTES.includes(line)), err };
}

describe('cli, over a dump of a Linux: addresses and ranges by what the guest has there', () => {
  const over = new OverDump(linuxDump());
  after(() => over[Symbol.dispose]());

  it('translates addresses of the guest, of a process and of registers', async () => {
    const words = 'do_idle+0x10 phys:0x54000 rip+1 probe toy_module:probe 0x400010';
    expect(await over.run(`translate ${words} --process sh --brief`)).to.deep.equal({
      status: 0,
      out: [
        '0xffffffff81000050  0x1000050  2M  r-x-  do_idle+0x10/0xc0',
        '0xffff888000054000  0x54000  2M  rw--',
        '0xffffffff81000045  0x1000045  2M  r-x-  do_idle+0x5/0xc0',
        '0xffffffffc0000010  0x54010  4K  r-x-  probe+0x0/0xff0 [toy_module]',
        '0xffffffffc0000010  0x54010  4K  r-x-  probe+0x0/0xff0 [toy_module]',
        '0x0000000000400010  0x50010  4K  r-xu',
      ],
      err: [],
    });
    expect((await over.run('translate rip rsp cr2 cs:ip --cpu 1 --brief')).out).to.deep.equal([
      '0x0000000000400010  0x50010  4K  r-xu',
      '0x0000000000000000  -  NOT_PRESENT  0x0  0x1b000',
      '0x0000000000000000  -  NOT_PRESENT  0x0  0x1b000',
      '0x0000000000400010  0x50010  4K  r-xu',
    ]);
    const list = over.file('list', 'do_idle\n0xffffffff81000104\n');
    expect((await over.run(`translate --from ${list} --names --brief`)).out).to.deep.equal([
      '0xffffffff81000040  0x1000040  2M  r-x-  do_idle+0x0/0xc0',
      '0xffffffff81000104  0x1000104  2M  r-x-  f0000+0x4/0x10',
    ]);
  });

  it('says which symbols there are not', async () => {
    for (const [word, problem] of [
      ['do_nothing', 'no symbol is called "do_nothing"'],
      ['do_id', 'no symbol is called "do_id"; there are do_idle'],
      ['other:do_idle', 'no module "other" is loaded'],
    ] as const) {
      expect(await over.run(`translate ${word}`), word).to.deep.equal(usage('translate', problem));
    }
  });

  it('takes ranges by what the guest has in them', async () => {
    const ends = async (range: string): Promise<string[]> => {
      const [heading] = (await over.run(`map --json --range ${range}`)).out.map((line) => JSON.parse(line));
      return [heading?.first, heading?.last];
    };
    for (const [range, first, last] of [
      ['do_idle', '0xffffffff81000040', '0xffffffff810000ff'],
      ['do_idle+0x10', '0xffffffff81000040', '0xffffffff8100004f'],
      ['start_kernel-do_idle', '0xffffffff81000010', '0xffffffff81000040'],
      ['rip+16', '0xffffffff81000044', '0xffffffff81000053'],
      ['phys:0x1000-phys:0x1fff', '0xffff888000001000', '0xffff888000001fff'],
      ['probe', '0xffffffffc0000010', '0xffffffffc0000fff'],
      ['0xffffffff81000000-do_idle+1', '0xffffffff81000000', '0xffffffff81000041'],
    ] as const) {
      expect(await ends(range), range).to.deep.equal([first, last]);
    }
    expect(await over.run('map --range do_idle-start_kernel')).to.deep.equal(
      usage('map', '--range "do_idle-start_kernel" ends before it begins'),
    );
    expect(await over.run('map --range do_idle-do_nothing')).to.deep.equal(
      usage('map', 'no symbol is called "do_nothing"'),
    );
  });
});

describe('cli, over a dump of a Linux: what is kept of it from run to run', () => {
  it('answers the same by names that were kept, and keeps them once', async () => {
    using over = new OverDump(linuxDump());
    const folder = over.file('x', '').replace(/x$/, 'pagewalk/kernels');
    const first = await over.run('translate do_idle --brief');
    const kept = readdirSync(folder);
    expect(kept).to.deep.equal([
      'kernel-00112233445566778899aabbccddeeff00112233-ffffffff81200110-ffffffff81000000.names',
    ]);
    expect(await over.run('translate do_idle --brief')).to.deep.equal(first);
    expect(readdirSync(folder)).to.deep.equal(kept);
    // Another kernel at the same place, whose build id is somewhere else.
    using other = new OverDump(
      linuxDump({ symbols: [{ name: 'new_one', type: 'T', address: SMALL_LINUX.text + 8n }] }),
    );
    expect((await other.run('translate new_one --brief')).out).to.deep.equal([
      '0xffffffff81000008  0x1000008  2M  r-x-  new_one+0x0/0x8',
    ]);
  });
});

describe('cli, over a dump of a Linux that does not tell all', () => {
  const run = async (linux: Parameters<typeof linuxDump>[0], line: string): Promise<Ended> => {
    using over = new OverDump(linuxDump(linux));
    return withoutNotes(await over.run(line));
  };

  it('says once of the areas of a process why not all are known', async () => {
    const types = await run({ types: { vm_area_struct: undefined } }, 'map --pid 1 --range 0x400000-0x6fffff');
    expect(types).to.deep.equal({
      status: 0,
      out: ['4-level paging, CR3 0xa000 (process 1 init), vCPU 0', RANGES, ...OF_INIT],
      err: [
        "pagewalk: not all areas of processes are known: the kernel's type information does not say where a process has its areas",
      ],
    });
    // The third area is before the second.
    const damaged = await run({ words: { '0xffffffff81403080': 0x50_0000n } }, 'map --pid 1 --range 0x400000-0x6fffff');
    expect(damaged.err).to.deep.equal([
      'pagewalk: not all areas of process 1 init are known: the list of its areas is damaged',
    ]);
    expect(damaged.out.slice(2)).to.deep.equal([`${OF_INIT[0]}  /bin/busybox`, `${OF_INIT[1]}  [heap]`]);
    const both = await run(
      { areModulesDamaged: true, words: { '0xffffffff81403080': 0x50_0000n } },
      'map --pid 1 --range 0x400000-0x6fffff',
    );
    expect(both.err).to.deep.equal(['pagewalk: the list of modules is damaged after 1 of them', ...damaged.err]);
    const nameless = await run({ types: { dentry: undefined } }, 'map --names --cpu 1 --range 0x400000-0x7fffffffffff');
    expect(nameless.err).to.deep.equal([
      'pagewalk: not all areas of process 7 sh are known: paths of files lead to no root',
    ]);
    expect(nameless.out.at(-1)).to.equal(
      '0x0000700000000000-0x0000700000000fff      4K  rw-u  1x4K A=0 D=0  → 0x56000-0x56fff RAM  anonymous',
    );
  });

  it('says of modules what is lacking, and finds the rest', async () => {
    const linux = { types: { mod_kallsyms: undefined } };
    const problem = 'this kernel keeps the symbols of its modules in a way that is not known';
    expect(await run(linux, 'translate 0xffffffffc0000010 do_idle --brief')).to.deep.equal({
      status: 0,
      out: ['0xffffffffc0000010  0x54010  4K  r-x-', '0xffffffff81000040  0x1000040  2M  r-x-  do_idle+0x0/0xc0'],
      err: [`pagewalk: ${problem}`],
    });
    expect(await run(linux, 'translate do_idle 0xffffffffc0000010 --brief --names')).to.deep.equal({
      status: 0,
      out: [
        '0xffffffff81000040  0x1000040  2M  r-x-  do_idle+0x0/0xc0',
        '0xffffffffc0000010  0x54010  4K  r-x-  module toy_module',
      ],
      err: [`pagewalk: ${problem}`],
    });
    expect(await run(linux, 'translate probe')).to.deep.equal(
      usage('translate', `no symbol is called "probe" (${problem})`),
    );
    const circle = await run({ areModulesDamaged: true }, 'map --names --range 0-1');
    expect(circle.err[0]).to.equal('pagewalk: the list of modules is damaged after 1 of them');
  });

  it('has symbols alone of a kernel without types', async () => {
    const problem =
      'the kernel carries no type information (built without CONFIG_DEBUG_INFO_BTF): where members of its structures are is not known, so there are no processes and no modules';
    expect((await run({ types: null }, 'translate do_idle --brief')).out).to.deep.equal([
      '0xffffffff81000040  0x1000040  2M  r-x-  do_idle+0x0/0xc0',
    ]);
    const refused = await run({ types: null }, 'ps');
    expect(refused.status).to.equal(3);
    expect(refused.err.join()).to.contain(problem);
    expect((await run({ types: null }, 'map --names --cpu 2 --range 0xffffffff81000000+1')).out[0]).to.equal(
      "4-level paging, CR3 0x1000 (the kernel's own tables), vCPU 2",
    );
  });

  it('takes the half of the tables that is meant, where they are isolated', async () => {
    for (const [words, space] of [
      ['translate 0x400010 --pid 7', 'CR3 0x18000 (process 7 sh, kernel half), vCPU 0'],
      ['translate 0x400010 --pid 7 --user', 'CR3 0x19000 (process 7 sh, user half), vCPU 0'],
      ['map --pid 7 --range 0-1', 'CR3 0x18000 (process 7 sh, kernel half), vCPU 0'],
      ['map --names --cr3 0x19000 --range 0-1', 'CR3 0x19000 (process 7 sh, user half), vCPU 0'],
      ['map --names --range 0-1', 'CR3 0xa000 (process 1 init, kernel half), vCPU 0'],
      ['map --names --cpu 1 --range 0-1', 'CR3 0x19000 (process 7 sh, user half), vCPU 1'],
    ] as const) {
      expect((await run({ isIsolated: true }, words)).out[0]?.split('4-level paging, ')[1], words).to.equal(space);
    }
  });
});

describe('cli, over a dump of a Linux, and a file with its symbols', () => {
  const over = new OverDump(linuxDump());
  after(() => over[Symbol.dispose]());
  const map = (lines: readonly string[]): string => over.file('System.map', lines.map((line) => `${line}\n`).join(''));

  it('takes symbols of the file where KASLR has moved them', async () => {
    const file = map(['ffffffff80e00000 T _stext', 'ffffffff80e40008 T in_file', 'ffffffff80e40010 T behind']);
    expect((await over.run(`translate in_file --brief --symbols ${file}`)).out).to.deep.equal([
      '0xffffffff81040008  0x1040008  2M  r-x-  in_file+0x0/0x8',
    ]);
    expect((await over.run(`ps --symbols ${file}`)).out).to.have.length(6);
    expect(await over.run(`translate do_idle --symbols ${file}`)).to.deep.equal(
      usage('translate', 'no symbol is called "do_idle"'),
    );
  });

  it('refuses the file of another kernel', async () => {
    const file = map(['ffffffff80e01000 T _stext']);
    const refused = await over.run(`translate _stext --symbols ${file}`);
    expect({ status: refused.status, out: refused.out }).to.deep.equal({ status: 3, out: [] });
    expect(refused.err[0]).to.match(/: its text begins at 0xffffffff80e01000, .* it is of another kernel$/);
  });
});
