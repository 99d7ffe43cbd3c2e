import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { linuxDump, SMALL_LINUX } from '../../../support/builders/linux-dump.ts';
import { ASSUMED_OF_MAP, type Ended, OverDump } from './over-dump.ts';

const RANGES = 'linear addresses                         size  rights  pages, accessed, dirty; where they lead';
const NOTES = ASSUMED_OF_MAP.map((each) => `! assumed: ${each}`);
const USER_RANGES = [
  '0x0000000000400000-0x0000000000400fff      4K  r-xu  1x4K A=1 D=0  → 0x10000-0x10fff RAM  /bin/sh',
  '0x0000000000600000-0x0000000000600fff      4K  rw-u  1x4K A=1 D=1  → 0x11000-0x11fff RAM  [heap]',
  '0x0000000000700000-0x0000000000700fff      4K  rw-u  1x4K A=0 D=1  → 0x12000-0x12fff RAM  anonymous',
  '0x000000007fffe000-0x000000007fffefff      4K  r--u  1x4K A=1 D=0  → 0x13000-0x13fff RAM  [vdso]',
  '0x000000007ffff000-0x000000007fffffff      4K  rw-u  1x4K A=1 D=1  → 0x14000-0x14fff RAM  [stack]',
];
const KERNEL_RANGES = [
  '0xffff888000000000-0xffff8880003fffff      4M  rw-- G  2x2M A=2 D=2  → 0x0-0x3fffff RAM, not in the dump  direct map',
  '0xffffffff81000000-0xffffffff811fffff      2M  r-x- G  1x2M A=1 D=0  → 0x200000-0x3fffff not in the dump  kernel text',
  '0xffffffff81200000-0xffffffff8123ffff    256K  r--- G  64x4K A=64 D=0  → 0x20000-0x5ffff RAM  kernel rodata',
  '0xffffffff81400000-0xffffffff81410fff     68K  rw-- G  17x4K A=17 D=17  → 2 pieces in 0x1000-0x6ffff RAM  kernel data, kernel image',
  '0xffffffffc0000000-0xffffffffc0000fff      4K  r-x- G  1x4K A=1 D=0  → 0x68000-0x68fff RAM  module small',
];
const usage = (command: string, problem: string): Ended => ({
  ...{ status: 2, out: [], err: [`pagewalk: ${problem}`, `Try: pagewalk help ${command}`] },
});

/** What is left of a map without what is assumed in it. */
function withoutNotes({ status, out, err }: Ended): Ended {
  return { status, out: out.filter((line) => !NOTES.includes(line)), err };
}

describe('cli, over a dump with a Linux: whose address space it is, and what is where', () => {
  const over = new OverDump(linuxDump());
  after(() => over[Symbol.dispose]());

  it('shows what a process has, by its pid, its name, a thread, or the vCPU that it runs on', async () => {
    for (const [words, heading] of [
      ['--pid 91', '4-level paging, CR3 0x8000 (process 91 bash), vCPU 0'],
      ['--process bash', '4-level paging, CR3 0x8000 (process 91 bash), vCPU 0'],
      ['--pid 93', '4-level paging, CR3 0x8000 (process 93 bash-io), vCPU 0'],
      ['--names --cpu 1', '4-level paging, CR3 0x8000 (process 91 bash), vCPU 1'],
      ['--names --cr3 0x8000', '4-level paging, CR3 0x8000 (process 91 bash), vCPU 0'],
      ['--names --set CR3=0x8000', '4-level paging, CR3 0x8000 (process 91 bash), vCPU 0'],
    ] as const) {
      expect(await over.run(`map ${words}`), words).to.deep.equal({
        status: 0,
        out: [heading, ...NOTES, RANGES, ...USER_RANGES, ...KERNEL_RANGES],
        err: [],
      });
    }
  });

  it("shows the kernel's own tables as such, and names no part of nothing", async () => {
    expect(withoutNotes(await over.run('map --names'))).to.deep.equal({
      status: 0,
      out: ["4-level paging, CR3 0x1000 (the kernel's own tables), vCPU 0", RANGES, ...KERNEL_RANGES],
      err: [],
    });
    expect(withoutNotes(await over.run('map --names --cr3 0x5000 --range 0-1')).out[0]).to.equal(
      '4-level paging, CR3 0x5000 (given), vCPU 0',
    );
    expect(withoutNotes(await over.run('map --range 0xffffffff81200000+1')).out.at(-1)).to.equal(
      '0xffffffff81200000-0xffffffff81200fff      4K  r--- G  1x4K A=1 D=0  → 0x20000-0x20fff RAM',
    );
  });

  it('refuses a process that there is not, several, and those without an address space', async () => {
    for (const [words, problem] of [
      ['--pid 7', 'no process has pid 7'],
      ['--process sh', 'no process has the name "sh"'],
      ['--process twin', '2 processes have the name "twin": 100, 101; take one of them by its pid'],
      ['--pid 100', 'process 100 twin has a page-table root that is mapped nowhere'],
      ['--pid 2', 'process 2 kworker/0:0 is a thread of the kernel: it has no address space'],
      ['--pid 105', 'process 105 gone has ended: it has no address space any more'],
    ] as const) {
      expect(await over.run(`map ${words}`), words).to.deep.equal(usage('map', problem));
      expect(await over.run(`translate 0x400000 ${words}`), words).to.deep.equal(usage('translate', problem));
    }
  });

  it('translates addresses of the guest, of a process and of registers', async () => {
    const words = 'do_exit+0x10 phys:0x8000 rip+1 small_init small:small_init 0x400010';
    expect(await over.run(`translate ${words} --process bash --brief`)).to.deep.equal({
      status: 0,
      out: [
        '0xffffffff81040010  0x240010  2M  r-x-  do_exit+0x10/0xb30',
        '0xffff888000008000  0x8000  2M  rw--',
        '0xffffffff81040011  0x240011  2M  r-x-  do_exit+0x11/0xb30',
        '0xffffffffc0000010  0x68010  4K  r-x-  small_init+0x0/0xff0 [small]',
        '0xffffffffc0000010  0x68010  4K  r-x-  small_init+0x0/0xff0 [small]',
        '0x0000000000400010  0x10010  4K  r-xu',
      ],
      err: [],
    });
    expect((await over.run('translate rip rsp cr2 cs:ip --cpu 1 --brief')).out).to.deep.equal([
      '0x0000000000400010  0x10010  4K  r-xu',
      '0x0000000000000000  -  NOT_PRESENT  0x0  0xb000',
      '0x0000000000000000  -  NOT_PRESENT  0x0  0xb000',
      '0x0000000000400010  0x10010  4K  r-xu',
    ]);
    const list = over.file('list', 'do_exit\n0xffffffff81000040\n');
    expect((await over.run(`translate --from ${list} --names --brief`)).out).to.deep.equal([
      '0xffffffff81040000  0x240000  2M  r-x-  do_exit+0x0/0xb30',
      '0xffffffff81000040  0x200040  2M  r-x-  f0+0x0/0x40',
    ]);
  });

  it('says which symbols there are not, in the command line and in a list', async () => {
    for (const [word, problem] of [
      ['do_nothing', 'no symbol is called "do_nothing"'],
      ['do_ex', 'no symbol is called "do_ex"; there are do_exit'],
      ['other:do_exit', 'no module "other" is loaded'],
    ] as const) {
      expect(await over.run(`translate ${word}`), word).to.deep.equal(usage('translate', problem));
    }
    const list = over.file('list', 'do_exit\ndo_nothing\n');
    const refused = await over.run(`translate --from ${list} --names --brief`);
    expect({ status: refused.status, err: refused.err[0] }).to.deep.equal({
      status: 2,
      err: `pagewalk: ${list}:2: no symbol is called "do_nothing"`,
    });
    const going = await over.run(`translate --from ${list} --names --brief --keep-going`);
    expect(going.out).to.have.length(1);
    expect(going.err).to.deep.equal([`pagewalk: ${list}:2: no symbol is called "do_nothing"`]);
  });

  it('finds what leads where a symbol is, where physical memory is, or a register', async () => {
    const found = async (words: string) => withoutNotes(await over.run(`find ${words}`));
    expect(await found('do_exit')).to.deep.equal({
      status: 0,
      out: [
        '0xffff888000240000  rw-- G  1x2M A=1 D=1  → 0x240000',
        '0xffffffff81040000  r-x- G  1x2M A=1 D=0  → 0x240000',
      ],
      err: [],
    });
    // A symbol is the kernel's, whatever address space is looked through; a register and phys: are its own.
    expect((await found('do_exit --pid 91')).out).to.have.length(2);
    expect((await found('phys:0x8000')).out).to.deep.equal(['0xffff888000008000  rw-- G  1x2M A=1 D=1  → 0x8000']);
    expect((await found('rip --cpu 1')).out).to.deep.equal([
      '0x0000000000400010  r-xu  1x4K A=1 D=0  → 0x10010',
      '0xffff888000010010  rw-- G  1x2M A=1 D=1  → 0x10010',
    ]);
    expect(await over.run('find rsp')).to.deep.equal(
      usage('find', '0x0 is mapped nowhere, so there is no physical address to look for'),
    );
    expect(await over.run('find _end')).to.deep.equal(
      usage('find', '0xffffffff81411000 is mapped nowhere, so there is no physical address to look for'),
    );
    expect((await over.run('find do_exit --range 0-0xffffffff')).err.at(-1)).to.equal(
      'pagewalk: no linear address from 0x0 to 0xffffffff leads to 0x240000',
    );
  });

  it('takes ranges by what the guest has in them', async () => {
    const ends = async (range: string): Promise<string[]> => {
      const [heading] = (await over.run(`map --json --range ${range}`)).out.map((line) => JSON.parse(line));
      return [heading?.first, heading?.last];
    };
    for (const [range, first, last] of [
      ['do_exit', '0xffffffff81040000', '0xffffffff81040b2f'],
      ['do_exit+0x10', '0xffffffff81040000', '0xffffffff8104000f'],
      ['do_exit-do_group_exit', '0xffffffff81040000', '0xffffffff81040b30'],
      ['rip+16', '0xffffffff81040010', '0xffffffff8104001f'],
      ['phys:0x1000-phys:0x1fff', '0xffff888000001000', '0xffff888000001fff'],
      ['small_init', '0xffffffffc0000010', '0xffffffffc0000fff'],
      ['0xffffffff81000000-do_exit+1', '0xffffffff81000000', '0xffffffff81040001'],
    ] as const) {
      expect(await ends(range), range).to.deep.equal([first, last]);
    }
    expect(await over.run('map --range do_group_exit-do_exit')).to.deep.equal(
      usage('map', '--range "do_group_exit-do_exit" ends before it begins'),
    );
    expect(await over.run('map --range do_exit-do_nothing')).to.deep.equal(
      usage('map', 'no symbol is called "do_nothing"'),
    );
  });

  it('lists processes, threads and symbols', async () => {
    const heading = 'PID  TGID  S     CR3  RSS  name';
    const processes = [
      '  0     0  R       -    -  [swapper/0]',
      ' 91    91  S  0x8000  52K  bash',
      '  2     2  I       -    -  [kworker/0:0]',
      '100   100  S       -    0  twin',
      '101   101  D       -    0  twin',
      '105   105  Z       -    -  [gone]',
    ];
    const threads = [...processes.slice(0, 2), ' 93    91  R  0x8000  52K  bash-io', ...processes.slice(2)];
    for (const cpu of ['', ' --cpu 1']) {
      expect(await over.run(`ps${cpu}`)).to.deep.equal({ status: 0, out: [heading, ...processes], err: [] });
    }
    const listed = await over.run('ps --threads');
    expect(listed).to.deep.equal({ status: 0, out: [heading, ...threads], err: [] });
    for (const [words, line] of [
      ['do_*', 'ffffffff81040000 T do_exit'],
      ['0xffffffff81040010', '0xffffffff81040010  do_exit+0x10/0xb30'],
      ['0xffffffffc0000012', '0xffffffffc0000012  small_init+0x2/0xff0 [small]'],
    ] as const) {
      expect((await over.run(`symbols ${words}`)).out[0], words).to.equal(line);
    }
  });
});

describe('cli, over a dump with a Linux: what is kept of it from run to run', () => {
  it('answers the same by names that were kept, and keeps them once', async () => {
    using over = new OverDump(linuxDump());
    const folder = over.file('x', '').replace(/x$/, 'pagewalk/kernels');
    const first = await over.run('translate do_exit --brief');
    const kept = readdirSync(folder);
    expect(kept).to.deep.equal([
      'kernel-00112233445566778899aabbccddeeff01234567-ffffffff81200110-ffffffff81000000.names',
    ]);
    expect(await over.run('translate do_exit --brief')).to.deep.equal(first);
    expect(readdirSync(folder)).to.deep.equal(kept);
    // Another kernel at the same place, whose build id is somewhere else.
    using other = new OverDump(
      linuxDump({ symbols: [{ name: 'new_one', type: 'T', address: SMALL_LINUX.text + 8n }] }),
    );
    expect((await other.run('translate new_one --brief')).out).to.deep.equal([
      '0xffffffff81000008  0x200008  2M  r-x-  new_one+0x0/0x38',
    ]);
  });
});

describe('cli, over a dump with a Linux that does not tell all', () => {
  const run = async (linux: Parameters<typeof linuxDump>[0], line: string): Promise<Ended> => {
    using over = new OverDump(linuxDump(linux));
    return withoutNotes(await over.run(line));
  };

  it('says once of the areas of a process why not all are known', async () => {
    const types = await run({ types: { vm_area_struct: undefined } }, 'map --pid 91 --range 0x400000-0x6fffff');
    expect(types).to.deep.equal({
      status: 0,
      out: [
        '4-level paging, CR3 0x8000 (process 91 bash), vCPU 0',
        RANGES,
        ...USER_RANGES.slice(0, 2).map((line) => line.replace(/ {2}(?:\/bin\/sh|\[heap\])$/, '')),
      ],
      err: [
        "pagewalk: not all areas of processes are known: the kernel's type information does not say where a process has its areas",
      ],
    });
    // The third area is before the second.
    const damaged = await run(
      { words: { '0xffffffff81403080': 0x50_0000n } },
      'map --pid 91 --range 0x400000-0x6fffff',
    );
    expect(damaged.err).to.deep.equal([
      'pagewalk: not all areas of process 91 bash are known: the list of its areas is damaged',
    ]);
    expect(damaged.out.slice(2)).to.deep.equal(USER_RANGES.slice(0, 2));
    const nameless = await run({ types: { dentry: undefined } }, 'map --names --cpu 1 --range 0x400000-0x6fffff');
    expect(nameless.err).to.deep.equal([
      'pagewalk: not all areas of process 91 bash are known: paths of files lead to no root',
    ]);
    expect(nameless.out.at(-1)).to.equal(USER_RANGES[1]);
  });

  it('says of modules what is lacking, and finds the rest', async () => {
    const linux = { types: { mod_kallsyms: undefined } };
    const problem = 'this kernel keeps the symbols of its modules in a way that is not known';
    expect(await run(linux, 'translate 0xffffffffc0000010 do_exit --brief')).to.deep.equal({
      status: 0,
      out: ['0xffffffffc0000010  0x68010  4K  r-x-', '0xffffffff81040000  0x240000  2M  r-x-  do_exit+0x0/0xb30'],
      err: [`pagewalk: ${problem}`],
    });
    expect(await run(linux, 'translate do_exit 0xffffffffc0000010 --brief --names')).to.deep.equal({
      status: 0,
      out: [
        '0xffffffff81040000  0x240000  2M  r-x-  do_exit+0x0/0xb30',
        '0xffffffffc0000010  0x68010  4K  r-x-  module small',
      ],
      err: [`pagewalk: ${problem}`],
    });
    expect(await run(linux, 'translate small_init')).to.deep.equal(
      usage('translate', `no symbol is called "small_init" (${problem})`),
    );
    const circle = await run(
      { words: { '0xffffffff81405108': SMALL_LINUX.data + 0x5108n } },
      'map --names --range 0-1',
    );
    expect(circle.err[0]).to.equal('pagewalk: the list of modules is damaged after 1 of them');
  });

  it('has symbols alone of a kernel without types', async () => {
    const problem =
      'the kernel carries no type information (built without CONFIG_DEBUG_INFO_BTF): where members of its structures are is not known, so there are no processes and no modules';
    expect((await run({ types: null }, 'translate do_exit --brief')).out).to.deep.equal([
      '0xffffffff81040000  0x240000  2M  r-x-  do_exit+0x0/0xb30',
    ]);
    const refused = await run({ types: null }, 'ps');
    expect(refused.status).to.equal(3);
    expect(refused.err.join()).to.contain(problem);
    expect(withoutNotes(await run({ types: null }, 'map --names --range 0xffffffff81000000+1')).out[0]).to.equal(
      "4-level paging, CR3 0x1000 (the kernel's own tables), vCPU 0",
    );
  });

  it('takes the half of the tables that is meant, where they are isolated', async () => {
    const data = SMALL_LINUX.data + 0x6000n;
    const linux = {
      types: { cpuinfo_x86: { x86_capability: 0 } },
      symbols: [{ name: 'boot_cpu_data', type: 'D', address: data }],
      words: { '0xffffffff81406018': 1n << (32n + 11n) },
    };
    const [, shell] = (await run(linux, 'ps --json')).out.map((line) => JSON.parse(line));
    expect(shell).to.include({ cr3: '0x8000', userCr3: '0x9000' });
    for (const [words, space] of [
      ['translate 0x400010 --pid 91', 'CR3 0x8000 (process 91 bash, kernel half), vCPU 0'],
      ['translate 0x400010 --pid 91 --user', 'CR3 0x9000 (process 91 bash, user half), vCPU 0'],
      ['map --pid 91 --range 0-1', 'CR3 0x8000 (process 91 bash, kernel half), vCPU 0'],
      ['map --names --cr3 0x9000 --range 0-1', 'CR3 0x9000 (process 91 bash, user half), vCPU 0'],
      ['map --names --cpu 1 --range 0-1', 'CR3 0x8000 (process 91 bash, kernel half), vCPU 1'],
    ] as const) {
      expect((await run(linux, words)).out[0]?.split('4-level paging, ')[1], words).to.equal(space);
    }
  });
});

describe('cli, over a dump with a Linux, and a file with its symbols', () => {
  const over = new OverDump(linuxDump());
  after(() => over[Symbol.dispose]());
  const map = (lines: readonly string[]): string => over.file('System.map', lines.map((line) => `${line}\n`).join(''));

  it('takes symbols of the file where KASLR has moved them', async () => {
    const file = map(['ffffffff80e00000 T _stext', 'ffffffff80e40008 T in_file', 'ffffffff80e40010 T behind']);
    expect((await over.run(`translate in_file --brief --symbols ${file}`)).out).to.deep.equal([
      '0xffffffff81040008  0x240008  2M  r-x-  in_file+0x0/0x8',
    ]);
    expect((await over.run(`ps --symbols ${file}`)).out).to.have.length(7);
    expect(await over.run(`translate do_exit --symbols ${file}`)).to.deep.equal(
      usage('translate', 'no symbol is called "do_exit"'),
    );
  });

  it('refuses the file of another kernel', async () => {
    const file = map(['ffffffff80e01000 T _stext']);
    const refused = await over.run(`translate _stext --symbols ${file}`);
    expect({ status: refused.status, out: refused.out }).to.deep.equal({ status: 3, out: [] });
    expect(refused.err[0]).to.match(/: its text begins at 0xffffffff80e01000, .* it is of another kernel$/);
  });
});
