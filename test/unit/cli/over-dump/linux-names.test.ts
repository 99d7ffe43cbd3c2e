import { expect } from 'chai';
import { linuxDump } from '../../../support/builders/linux-dump.ts';
import { ASSUMED_OF_MAP, assumedOfWalk, OverDump } from './over-dump.ts';

const NOTES = ASSUMED_OF_MAP.map((each) => `! assumed: ${each}`);
const RANGES = 'linear addresses                         size  rights  pages, accessed, dirty; where they lead';
const OF_INIT = [
  '0x0000000000400000-0x0000000000400fff      4K  r-xu  1x4K A=1 D=0  → 0x50000-0x50fff RAM  /bin/busybox',
  '0x0000000000600000-0x0000000000600fff      4K  rw-u  1x4K A=1 D=1  → 0x51000-0x51fff RAM  [heap]',
  '0x00007fff00000000-0x00007fff00000fff      4K  rw-u  1x4K A=1 D=1  → 0x52000-0x52fff RAM  [stack]',
  '0x00007ffff0000000-0x00007ffff0000fff      4K  r-xu  1x4K A=1 D=0  → 0x53000-0x53fff RAM  [vdso]',
];
const OF_SHELL = [
  '0x0000000000400000-0x0000000000400fff      4K  r-xu  1x4K A=1 D=0  → 0x50000-0x50fff RAM  /bin/busybox',
  '0x0000700000000000-0x0000700000000fff      4K  rw-u  1x4K A=0 D=0  → 0x56000-0x56fff RAM  anonymous',
];
const OF_KERNEL = [
  '0xffff888000000000-0xffff8880001fffff      2M  rw--  1x2M A=1 D=1  → 0x0-0x1fffff RAM, not in the dump  direct map',
  '0xffffffff81000000-0xffffffff811fffff      2M  r-x-  1x2M A=1 D=0  → 0x1000000-0x11fffff not in the dump  kernel text',
  '0xffffffff81200000-0xffffffff8121ffff    128K  r---  32x4K A=32 D=0  → 0x20000-0x3ffff RAM  kernel rodata',
  '0xffffffff81400000-0xffffffff81410fff     68K  rw--  17x4K A=17 D=17  → 2 pieces in 0x1000-0x4ffff RAM  kernel data, kernel image',
  '0xffffffffc0000000-0xffffffffc0000fff      4K  r-x-  1x4K A=1 D=0  → 0x54000-0x54fff RAM  module toy_module',
  '0xffffffffc0001000-0xffffffffc0001fff      4K  rw--  1x4K A=1 D=0  → 0x55000-0x55fff RAM  module toy_module',
];

describe('cli, over a dump of a Linux: map', () => {
  const over = new OverDump(linuxDump());
  after(() => over[Symbol.dispose]());

  it('says whose address space it is, and what lies where', async () => {
    const [heading, err] = ['4-level paging, CR3 0xa000 (process 1 init), vCPU 0', []];
    expect(await over.run('map --names')).to.deep.equal({
      ...{ status: 0, err, out: [heading, ...NOTES, RANGES, ...OF_INIT, ...OF_KERNEL] },
    });
    const shell = '4-level paging, CR3 0x18000 (process 7 sh), vCPU 0';
    for (const [words, ofShell] of [
      ['--pid 7', shell],
      ['--process sh', shell],
      ['--pid 8', '4-level paging, CR3 0x18000 (process 8 sh-worker), vCPU 0'],
      ['--names --cpu 1', '4-level paging, CR3 0x18000 (process 7 sh), vCPU 1'],
      ['--names --cr3 0x18000', shell],
      ['--names --set CR3=0x18000', shell],
    ] as const) {
      expect(await over.run(`map ${words}`), words).to.deep.equal({
        ...{ status: 0, err, out: [ofShell, ...NOTES, RANGES, ...OF_SHELL, ...OF_KERNEL] },
      });
    }
    const kernel = "4-level paging, CR3 0x1000 (the kernel's own tables), vCPU 2";
    expect(await over.run('map --names --cpu 2')).to.deep.equal({
      ...{ status: 0, err, out: [kernel, ...NOTES, RANGES, ...OF_KERNEL] },
    });
    const { out } = await over.run('map');
    expect(out).to.deep.equal([
      ...[heading.replace(' (process 1 init)', ''), ...NOTES, RANGES],
      ...[...OF_INIT, ...OF_KERNEL].map((line) => line.replace(/(RAM|dump) {2}.*/, '$1')),
    ]);
    expect((await over.run('map --names --cr3 0x5000 --range 0-1')).out[0]).to.equal(
      '4-level paging, CR3 0x5000 (given), vCPU 0',
    );
    expect((await over.run('map --range 0xffffffff81200000+1')).out.at(-1)).to.equal(
      '0xffffffff81200000-0xffffffff81200fff      4K  r---  1x4K A=1 D=0  → 0x20000-0x20fff RAM',
    );
  });

  it('says of each page what lies there', async () => {
    const { out } = await over.run('map --leaves --names --range _end-0x1000-0xffffffffc0001fff');
    expect(out).to.deep.equal([]);
  });

  it('takes a symbol for a range, without names', async () => {
    const { status, out } = await over.run('map --range do_idle');
    expect([status, ...out.slice(NOTES.length + 1)]).to.deep.equal([
      ...[0, RANGES],
      '0xffffffff81000000-0xffffffff811fffff      2M  r-x-  1x2M A=1 D=0  → 0x1000000-0x11fffff not in the dump',
    ]);
  });

  it('gives a program owner and areas', async () => {
    const [heading, ...lines] = (await over.run('map --json --pid 7 --range 0-0x7fffffffffff')).out.map((line) =>
      JSON.parse(line),
    );
    expect(heading).to.deep.include({ cr3: '0x18000', owner: { kind: 'process', pid: 7, comm: 'sh', half: null } });
    expect(lines.map(({ kind, first, areas }) => ({ kind, first, areas }))).to.deep.equal([
      { kind: 'range', first: '0x400000', areas: [{ kind: 'file', name: '/bin/busybox' }] },
      { kind: 'range', first: '0x700000000000', areas: [{ kind: 'anonymous', name: null }] },
      { kind: 'end', first: undefined, areas: undefined },
    ]);
    const pages = (await over.run('map --json --leaves --names --range 0x600000-0x7fffffffffff')).out;
    expect(pages.slice(1, -1).map((line) => JSON.parse(line).areas)).to.deep.equal([
      [{ kind: 'heap', name: null }],
      [{ kind: 'stack', name: null }],
      [{ kind: 'special', name: '[vdso]' }],
    ]);
  });

  it('refuses a process that has no address space, or that there is not, and several', async () => {
    using lost = new OverDump(linuxDump({ hasLostRoot: true }));
    // The name of init.
    using twins = new OverDump(linuxDump({ words: { '0xffffffff814010a8': 0x6873n } }));
    for (const [words, message, from = over] of [
      ['--pid 2', 'process 2 kthreadd is a thread of the kernel: it has no address space'],
      ['--pid 9', 'process 9 gone has ended: it has no address space any more'],
      ['--process nope', 'no process has the name "nope"'],
      ['--pid 3', 'no process has pid 3'],
      ['--pid 7', 'process 7 sh has a page-table root that is mapped nowhere', lost],
      ['--process sh', '2 processes have the name "sh": 1, 7; take one of them by its pid', twins],
    ] as const) {
      for (const [command, line] of [
        ['map', `map ${words}`],
        ['translate', `translate 0x400000 ${words}`],
      ] as const) {
        expect(await from.run(line), line).to.deep.equal({
          ...{ status: 2, out: [], err: [`pagewalk: ${message}`, `Try: pagewalk help ${command}`] },
        });
      }
    }
  });
});

describe('cli, over a dump of a Linux: find', () => {
  const over = new OverDump(linuxDump());
  after(() => over[Symbol.dispose]());

  const DIRECT = '0xffff888000050000  rw--  1x2M A=1 D=1  → 0x50000  direct map';
  const SHARED = '0x0000000000400000  r-xu  1x4K A=1 D=0  → 0x50000  /bin/busybox';
  const found = async (words: string) => {
    const { status, out, err } = await over.run(`find ${words}`);
    expect(out.slice(0, NOTES.length)).to.deep.equal(NOTES);
    return { status, err, out: out.slice(NOTES.length) };
  };

  it('looks in every process, and says whose each address is', async () => {
    expect(await found('0x50000 --processes')).to.deep.equal({
      ...{ status: 0, err: [], out: [DIRECT, `${SHARED}  process 1 init`, `${SHARED}  process 7 sh`] },
    });
    expect(await found('0x56000 --processes --range 0-0x7fffffffffff')).to.deep.equal({
      ...{ status: 0, err: [] },
      out: ['0x0000700000000000  rw-u  1x4K A=0 D=0  → 0x56000  anonymous  process 7 sh'],
    });
    expect(await found('0x54000 --processes --range 0xffffffffc0000000+0x1000')).to.deep.equal({
      ...{ status: 0, err: [] },
      out: ['0xffffffffc0000000  r-x-  1x4K A=1 D=0  → 0x54000  module toy_module'],
    });
    expect(await found('0x50000 --processes --range 0x1000-0x1fff')).to.deep.equal({
      ...{ status: 1, out: [] },
      err: ['pagewalk: no linear address from 0x1000 to 0x1fff leads to 0x50000'],
    });
  });

  it('says what lies there in one address space', async () => {
    expect((await found('0x50000 --names')).out).to.deep.equal([SHARED, DIRECT]);
    expect((await found('0x50000 --pid 7')).out).to.deep.equal([SHARED, DIRECT]);
    expect((await found('0x56000 --process sh --range 0-0x7fffffffffff')).out).to.deep.equal([
      '0x0000700000000000  rw-u  1x4K A=0 D=0  → 0x56000  anonymous',
    ]);
    expect((await found('0x50000')).out).to.deep.equal(
      [SHARED, DIRECT].map((line) => line.replace(/ {2}\S+( map)?$/, '')),
    );
  });

  it('takes a symbol and a register for where they lead', async () => {
    for (const [words, line] of [
      ['do_idle', '0xffffffff81000040  r-x-  1x2M A=1 D=0  → 0x1000040'],
      ['rip+1', '0xffffffff81000045  r-x-  1x2M A=1 D=0  → 0x1000045'],
      ['init_task --range 0xffffffff80000000-0xffffffffffffffff', '0xffffffff81401000  rw--  1x4K A=1 D=1  → 0x41000'],
    ] as const)
      expect((await found(words)).out, words).to.deep.equal([line]);
    expect((await found('do_idle --processes')).out).to.deep.equal([
      '0xffffffff81000040  r-x-  1x2M A=1 D=0  → 0x1000040  kernel text',
    ]);
    // A symbol is the kernel's, whatever address space is looked through; a register and phys: are its own.
    expect((await found('do_idle --pid 7')).out).to.deep.equal([
      '0xffffffff81000040  r-x-  1x2M A=1 D=0  → 0x1000040  kernel text',
    ]);
    expect((await found('phys:0x54000')).out).to.deep.equal([
      '0xffff888000054000  rw--  1x2M A=1 D=1  → 0x54000',
      '0xffffffffc0000000  r-x-  1x4K A=1 D=0  → 0x54000',
    ]);
    expect((await found('rip --cpu 1')).out).to.deep.equal([
      '0x0000000000400010  r-xu  1x4K A=1 D=0  → 0x50010',
      '0xffff888000050010  rw--  1x2M A=1 D=1  → 0x50010',
    ]);
  });

  it('refuses what leads nowhere, and says where nothing leads to a symbol', async () => {
    for (const [word, address] of [
      ['rsp', '0x0'],
      ['_end', '0xffffffff81411000'],
    ] as const) {
      expect(await over.run(`find ${word}`), word).to.deep.equal({
        ...{ status: 2, out: [] },
        err: [
          `pagewalk: ${address} is mapped nowhere, so there is no physical address to look for`,
          'Try: pagewalk help find',
        ],
      });
    }
    expect((await over.run('find do_idle --range 0-0xffffffff')).err.at(-1)).to.equal(
      'pagewalk: no linear address from 0x0 to 0xffffffff leads to 0x1000040',
    );
    // Tables of user mode alone: the symbol leads where the kernel's own tables say.
    const ofUser = await over.run('find do_idle --cr3 0x19000');
    expect({ ...ofUser, out: ofUser.out.filter((line) => !NOTES.includes(line)) }).to.deep.equal({
      ...{ status: 1, out: [] },
      err: ['pagewalk: no linear address leads to 0x1000040'],
    });
  });

  it('gives a program owner and areas', async () => {
    const lines = (await over.run('find 0x50000 --processes --json')).out.map((line) => JSON.parse(line));
    const owner = (pid: number, comm: string): object => ({ kind: 'process', pid, comm, half: null });
    expect(lines.map(({ kind, first, areas, owner, count }) => ({ kind, first, areas, owner, count }))).to.deep.equal([
      {
        ...{ kind: 'alias', first: '0xffff888000050000', areas: [{ kind: 'direct-map', name: null }], owner: null },
        count: undefined,
      },
      {
        ...{ kind: 'alias', first: '0x400000', areas: [{ kind: 'file', name: '/bin/busybox' }] },
        ...{ owner: owner(1, 'init'), count: undefined },
      },
      {
        ...{ kind: 'alias', first: '0x400000', areas: [{ kind: 'file', name: '/bin/busybox' }] },
        ...{ owner: owner(7, 'sh'), count: undefined },
      },
      { kind: 'end', first: undefined, areas: undefined, owner: undefined, count: 3 },
    ]);
    expect(lines.at(-1).assumed.map(({ name }: { readonly name: string }) => name)).to.deep.equal(
      'a20 maxPhyAddr vendor pse36 pdpe1gb'.split(' '),
    );
  });

  it('is incomplete where a process cannot be looked in, or the list is cut off, and has status 5', async () => {
    using lost = new OverDump(linuxDump({ hasLostRoot: true }));
    const without = await lost.run('find 0x50000 --processes');
    expect({ ...without, out: without.out.slice(NOTES.length) }).to.deep.equal({
      ...{ status: 5, out: [DIRECT, `${SHARED}  process 1 init`] },
      err: ['pagewalk: process 7 sh has a page-table root that is mapped nowhere'],
    });
    using cut = new OverDump(linuxDump({ isCutOff: true }));
    const { status, err } = await cut.run('find 0x50000 --processes');
    expect({ status, err }).to.deep.equal({
      status: 5,
      err: ['pagewalk: the list of tasks leads to 0xffffdeacfffffff8, where no memory is mapped, after 2 of them'],
    });
    using damaged = new OverDump(linuxDump({ areModulesDamaged: true }));
    const complete = await damaged.run('find 0x50000 --processes');
    expect([complete.status, complete.err]).to.deep.equal([
      0,
      ['pagewalk: the list of modules is damaged after 1 of them'],
    ]);
  });

  it('refuses to look in every process of one', async () => {
    for (const [words, name] of [
      ['--pid 1', 'pid'],
      ['--process sh', 'process'],
      ['--cr3 0x1000', 'cr3'],
      ['--nested none', 'nested'],
      ['--l2', 'l2'],
    ] as const) {
      expect(await over.run(`find 0x50000 --processes ${words}`), words).to.deep.equal({
        ...{ status: 2, out: [] },
        err: [
          `pagewalk: --processes looks in every process, and --${name} names an address space`,
          'Try: pagewalk help find',
        ],
      });
    }
  });
});

describe('cli, over a dump of a Linux: state', () => {
  const over = new OverDump(linuxDump());
  after(() => over[Symbol.dispose]());

  it('says whose CR3 it is, and which symbol the code is in', async () => {
    const ofCpu = async (cpu: number): Promise<readonly string[]> => {
      const { status, out, err } = await over.run(`state --names --cpu ${cpu}`);
      expect({ status, err }).to.deep.equal({ status: 0, err: [] });
      return out.filter((line) => /^(RIP|CR3)/.test(line)).map((line) => line.split(/ {2,}/).slice(1, 3).join(' '));
    };
    expect(await ofCpu(0)).to.deep.equal([
      '0xffffffff81000044 do_idle+0x4/0xc0',
      '0x000000000000a000 root 0xa000, process 1 init',
    ]);
    expect((await ofCpu(1))[1]).to.equal('0x0000000000018000 root 0x18000, process 7 sh');
    expect(await ofCpu(2)).to.deep.equal([
      '0xffffffffc0000020 probe+0x10/0xff0 [toy_module]',
      "0x0000000000001000 root 0x1000, the kernel's own tables",
    ]);
  });

  it('lists all vCPUs with names', async () => {
    expect(await over.run('state --cpu all --names')).to.deep.equal({
      status: 0,
      out: [
        'vCPU  mode     CPL  RIP                 CR3      process  symbol',
        '0     4-level  0    0xffffffff81000044  0xa000   1 init   do_idle+0x4/0xc0',
        '1     4-level  3    0x0000000000400010  0x18000  7 sh',
        '2     4-level  0    0xffffffffc0000020  0x1000   kernel   probe+0x10/0xff0 [toy_module]',
      ],
      err: [],
    });
    const { out } = await over.run('state --cpu all --names --json');
    expect(out.map((line) => JSON.parse(line)).map(({ cpu, owner, place }) => ({ cpu, owner, place }))).to.deep.equal([
      {
        cpu: 0,
        owner: { kind: 'process', pid: 1, comm: 'init', half: null },
        place: { symbol: 'do_idle', offset: '0x4', size: '0xc0', type: 't', module: null },
      },
      { cpu: 1, owner: { kind: 'process', pid: 7, comm: 'sh', half: null }, place: null },
      {
        ...{ cpu: 2, owner: { kind: 'kernel' } },
        place: { symbol: 'probe', offset: '0x10', size: '0xff0', type: 't', module: 'toy_module' },
      },
    ]);
  });

  it('gives a program the same of one vCPU, and nothing of it where it was not asked', async () => {
    const named = JSON.parse((await over.run('state --names --json')).out.join());
    expect(named.owner).to.deep.equal({ kind: 'process', pid: 1, comm: 'init', half: null });
    expect(named.place).to.deep.equal({ symbol: 'do_idle', offset: '0x4', size: '0xc0', type: 't', module: null });
    const plain = JSON.parse((await over.run('state --json')).out.join());
    expect(plain).not.to.have.any.keys('owner', 'place');
    const { owner: _, place: __, ...rest } = named;
    expect(rest).to.deep.equal(plain);
  });

  it('tells which half of an isolated process a CR3 is of', async () => {
    using isolated = new OverDump(linuxDump({ isIsolated: true }));
    const { out } = await isolated.run('state --cpu all --names --json');
    expect(out.map((line) => JSON.parse(line).owner)).to.deep.equal([
      { kind: 'process', pid: 1, comm: 'init', half: 'kernel' },
      { kind: 'process', pid: 7, comm: 'sh', half: 'user' },
      { kind: 'kernel' },
    ]);
  });
});

describe('cli, over a dump of a Linux: translate', () => {
  const over = new OverDump(linuxDump());
  after(() => over[Symbol.dispose]());

  it('says what lies at an address, and what Linux means by an entry', async () => {
    expect(await over.run('translate do_idle 0x601000 --names')).to.deep.equal({
      status: 1,
      out: [
        '0xffffffff81000040  do_idle+0x0/0xc0  supervisor read   4-level paging, CR3 0xa000 (process 1 init), vCPU 0',
        '└─ PML4[511]     0xaff8: 0x0000000000004023  P RW SU A',
        '   └─ PDPT[510]  0x4ff0: 0x0000000000005023  P RW SU A',
        '      └─ PD[8]   0x5040: 0x00000000010000a1  P RO SU A PS',
        '✓ 0x1000040 not in the dump: 2M page, read-only, supervisor, executable',
        ...assumedOfWalk(),
        '',
        '0x0000000000601000  [heap]  supervisor read   4-level paging, CR3 0xa000 (process 1 init), vCPU 0',
        '└─ PML4[0]         0xa000: 0x000000000000c007  P RW US',
        '   └─ PDPT[0]      0xc000: 0x000000000000d007  P RW US',
        '      └─ PD[3]     0xd018: 0x000000000000f007  P RW US',
        '         └─ PT[1]  0xf008: 0x07fffffffffff000  P=0      ◄ responsible',
        '✗ NOT_PRESENT: not present: the PTE has P=0',
        '  #PF error code 0x0 (no bit set)',
        '  Linux: swapped out to swap area 0, page 0x7',
        ...assumedOfWalk(),
      ],
      err: [],
    });
  });

  it('has names in lines, of the command line and of a list', async () => {
    const lines = [
      '0xffff888000054000  0x54000  2M  rw--  direct map',
      '0x0000000000400000  0x50000  4K  r-xu  /bin/busybox',
      '0xffffffff81000044  0x1000044  2M  r-x-  do_idle+0x4/0xc0',
      '0xffffffffc0000018  0x54018  4K  r-x-  probe+0x8/0xff0 [toy_module]',
    ];
    const addresses = ['phys:0x54000', '0x400000', 'rip', 'probe+8'];
    const expected = { status: 0, out: lines, err: [] };
    expect(await over.run(`translate ${addresses.join(' ')} --brief --names`)).to.deep.equal(expected);
    const list = over.file('list', `${addresses.join('\n')}\n`);
    expect(await over.run(`translate --from ${list} --brief --names`)).to.deep.equal(expected);
    // A Linux that was asked for names knows symbols, and a list takes no names by itself.
    const plain = lines.map((line) => line.replace(/ {2}(direct map|\/bin\/busybox)$/, ''));
    expect(await over.run(`translate ${addresses.join(' ')} --brief`)).to.deep.equal({ ...expected, out: plain });
    const refused = await over.run(`translate --from ${list} --brief`);
    expect([refused.status, refused.out, refused.err[0]]).to.deep.equal([
      ...[2, []],
      `pagewalk: ${list}:1: address "phys:0x54000" is not a number (hexadecimal with 0x in front, or decimal)`,
    ]);
  });

  it('leaves names out that there are not, where it is to go on, and ends at the first else', async () => {
    const list = over.file('odd-list', 'do_idle\nno_such\n0x400000\nphys:0x54000\n');
    const going = await over.run(`translate --from ${list} --brief --keep-going --names`);
    expect({ status: going.status, out: going.out }).to.deep.equal({
      status: 1,
      out: [
        '0xffffffff81000040  0x1000040  2M  r-x-  do_idle+0x0/0xc0',
        '0x0000000000400000  0x50000  4K  r-xu  /bin/busybox',
        '0xffff888000054000  0x54000  2M  rw--  direct map',
      ],
    });
    expect(going.err).to.deep.equal([`pagewalk: ${list}:2: no symbol is called "no_such"`]);
    const ended = await over.run(`translate --from ${list} --brief --names`);
    expect({ status: ended.status, out: ended.out }).to.deep.equal({ status: 2, out: [] });
    expect(ended.err[0]).to.equal(`pagewalk: ${list}:2: no symbol is called "no_such"`);
  });

  it('gives a program all of it', async () => {
    const [fault, mapped] = (await over.run('translate 0x601000 probe --json --names')).out.map((line) =>
      JSON.parse(line),
    );
    const owner = { kind: 'process', pid: 1, comm: 'init', half: null };
    expect(fault).to.deep.include({
      ...{ valid: false, place: null, areas: [{ kind: 'heap', name: null }], owner },
      linuxEntry: { kind: 'swap', type: 0, offset: '0x7', softDirty: false, uffdWp: false, exclusive: false },
    });
    expect(mapped).to.deep.include({
      ...{ valid: true, physicalAddress: '0x54010', areas: [{ kind: 'module', name: 'toy_module' }], owner },
      place: { symbol: 'probe', offset: '0x0', size: '0xff0', type: 't', module: 'toy_module' },
      linuxEntry: { kind: 'present', bits: [] },
    });
    const [plain] = (await over.run('translate 0x601000 --json')).out.map((line) => JSON.parse(line));
    expect(plain).not.to.have.any.keys('place', 'areas', 'owner', 'linuxEntry');
  });

  it('walks the tables of a process: those that are in use at the access', async () => {
    const headingOf = async (from: OverDump, words: string): Promise<string | undefined> =>
      (await from.run(`translate 0x400000 ${words}`)).out[0];
    const at = '0x0000000000400000  ';
    expect(await headingOf(over, '--pid 7 --user')).to.equal(
      `${at}user read   4-level paging, CR3 0x18000 (process 7 sh), vCPU 0`,
    );
    using isolated = new OverDump(linuxDump({ isIsolated: true }));
    expect(await headingOf(isolated, '--process sh --user')).to.equal(
      `${at}user read   4-level paging, CR3 0x19000 (process 7 sh, user half), vCPU 0`,
    );
    expect(await headingOf(isolated, '--process sh')).to.equal(
      `${at}supervisor read   4-level paging, CR3 0x18000 (process 7 sh, kernel half), vCPU 0`,
    );
    const hypercall = async (words: string): Promise<string | undefined> =>
      (await isolated.run(`hv-translate 0x400000 --validate r --pid 7 ${words}`)).out[0];
    expect(await hypercall('--user')).to.contain('CR3 0x19000');
    for (const words of ['', '--supervisor', '--user --supervisor'])
      expect(await hypercall(words), words).to.contain('CR3 0x18000');
  });
});

describe('cli, over a dump of a Linux: hv-translate', () => {
  const over = new OverDump(linuxDump());
  after(() => over[Symbol.dispose]());

  it('takes symbols, and physical addresses, of the command line and of a list', async () => {
    const lines = [
      '0xffffffff81000040  0x1000040  Success  WB  ?memoryTypes',
      '0xffff888000054000  0x54000  Success  WB  ?memoryTypes',
      '0x0000000000400000  0x50000  Success  WB  ?memoryTypes',
    ];
    const addresses = ['do_idle', 'phys:0x54000', '0x400000'];
    const list = over.file('list', `${addresses.join('\n')}\n`);
    for (const words of [addresses.join(' '), `--from ${list} --pid 1`]) {
      const { status, out, err } = await over.run(`hv-translate ${words} --validate r --brief`);
      expect({ status, out, complaints: err.length }, words).to.deep.equal({ status: 0, out: lines, complaints: 1 });
    }
  });
});
