import { expect } from 'chai';
import { formatHex } from '../../../../src/paging/index.ts';
import { linuxDump, SMALL_LINUX } from '../../../support/builders/linux-dump.ts';
import { OverDump } from './over-dump.ts';

describe('cli, over a dump of a Linux: ps', () => {
  const over = new OverDump(linuxDump());
  after(() => over[Symbol.dispose]());

  const HEADING = 'PID  TGID  S      CR3    RSS  name';
  const PROCESSES = [
    '  0     0  R        -      -  [swapper/0]',
    '  1     1  S   0xa000    12K  init',
    '  2     2  I        -      -  [kthreadd]',
    '  7     7  R  0x18000  1220K  sh',
    '  9     9  Z        -      -  [gone]',
  ];

  it('lists processes, and threads where that is asked for', async () => {
    for (const cpu of ['', ' --cpu 1']) {
      expect(await over.run(`ps${cpu}`)).to.deep.equal({ status: 0, out: [HEADING, ...PROCESSES], err: [] });
    }
    const threads = [...PROCESSES.slice(0, 4), '  8     7  D  0x18000  1220K  sh-worker', ...PROCESSES.slice(4)];
    expect(await over.run('ps --threads')).to.deep.equal({ status: 0, out: [HEADING, ...threads], err: [] });
  });

  it('gives a program all that is known of each', async () => {
    const { status, out, err } = await over.run('ps --json');
    expect({ status, err }).to.deep.equal({ status: 0, err: [] });
    const none = { cr3: null, userCr3: null, residentPages: null, mm: null };
    expect(out.map((line) => JSON.parse(line))).to.deep.equal([
      { pid: 0, tgid: 0, comm: 'swapper/0', state: 'R', ...none, task: '0xffffffff81401000' },
      {
        ...{ pid: 1, tgid: 1, comm: 'init', state: 'S', cr3: '0xa000', userCr3: null, residentPages: 3 },
        ...{ task: '0xffffffff81401080', mm: '0xffffffff81402000' },
      },
      { pid: 2, tgid: 2, comm: 'kthreadd', state: 'I', ...none, task: '0xffffffff81401100' },
      {
        ...{ pid: 7, tgid: 7, comm: 'sh', state: 'R', cr3: '0x18000', userCr3: null, residentPages: 305 },
        ...{ task: '0xffffffff81401180', mm: '0xffffffff81402100' },
      },
      { pid: 9, tgid: 9, comm: 'gone', state: 'Z', ...none, task: '0xffffffff81401200' },
    ]);
    expect((await over.run('ps --json --threads')).out).to.have.length(6);
  });

  it('shows both roots of each process where user mode has one of its own', async () => {
    using isolated = new OverDump(linuxDump({ isIsolated: true }));
    const { out } = await isolated.run('ps --cpu 1');
    expect(out[0]).to.equal('PID  TGID  S      CR3  user CR3    RSS  name');
    expect(out.filter((line) => /init|sh$/.test(line))).to.deep.equal([
      '  1     1  S   0xa000    0xb000    12K  init',
      '  7     7  R  0x18000   0x19000  1220K  sh',
    ]);
    const sh = (await isolated.run('ps --json')).out.map((line) => JSON.parse(line))[3];
    expect(sh).to.include({ cr3: '0x18000', userCr3: '0x19000' });
  });

  it('has no root of a process whose tables are mapped nowhere, and no page where none is resident', async () => {
    // The counts of the shell's pages.
    const words = { '0xffffffff81402108': 0n, '0xffffffff81402120': 0n };
    using lost = new OverDump(linuxDump({ hasLostRoot: true, words }));
    expect(await lost.run('ps')).to.deep.equal({
      status: 0,
      out: [
        'PID  TGID  S     CR3  RSS  name',
        '  0     0  R       -    -  [swapper/0]',
        '  1     1  S  0xa000  12K  init',
        '  2     2  I       -    -  [kthreadd]',
        '  7     7  R       -    0  sh',
        '  9     9  Z       -    -  [gone]',
      ],
      err: [],
    });
  });

  it('has what it has of a list that is cut off, says so, and has status 1', async () => {
    using cut = new OverDump(linuxDump({ isCutOff: true }));
    for (const words of ['ps', 'ps --threads']) {
      expect(await cut.run(words), words).to.deep.equal({
        status: 1,
        out: [
          'PID  TGID  S     CR3  RSS  name',
          '  0     0  R       -    -  [swapper/0]',
          '  1     1  S  0xa000  12K  init',
        ],
        err: ['pagewalk: the list of tasks leads to 0xffffdeacfffffff8, where no memory is mapped, after 2 of them'],
      });
    }
    const { status, out } = await cut.run('ps --json');
    expect({ status, count: out.length }).to.deep.equal({ status: 1, count: 2 });
  });
});

describe('cli, over a dump of a Linux: symbols', () => {
  const over = new OverDump(linuxDump());
  after(() => over[Symbol.dispose]());

  it('lists all of them, those of modules last', async () => {
    const { status, out, err } = await over.run('symbols');
    expect({ status, err, count: out.length }).to.deep.equal({
      status: 0,
      err: [],
      count: SMALL_LINUX.symbols + 26,
    });
    expect(out.slice(0, 5)).to.deep.equal([
      'ffffffff81000000 T _stext',
      'ffffffff81000000 T _text',
      'ffffffff81000010 T start_kernel',
      'ffffffff81000040 t do_idle',
      'ffffffff81000100 t f0000',
    ]);
    expect(out.slice(-3)).to.deep.equal([
      'ffffffff81411000 B _end',
      'ffffffffc0000010 t probe [toy_module]',
      'ffffffffc0001000 d toy_state [toy_module]',
    ]);
    expect(new Set(out).size).to.equal(out.length);
  });

  it('lists those that a pattern matches, and has status 1 where none does', async () => {
    expect(await over.run('symbols f007?')).to.deep.equal({
      status: 0,
      out: Array.from({ length: 10 }, (_, at) => `ffffffff810005${formatHex(0x60 + 0x10 * at).slice(2)} t f007${at}`),
      err: [],
    });
    expect(await over.run('symbols toy_*')).to.deep.equal({
      status: 0,
      out: ['ffffffffc0001000 d toy_state [toy_module]'],
      err: [],
    });
    expect(await over.run('symbols nothing*')).to.deep.equal({
      status: 1,
      out: [],
      err: ['pagewalk: no symbol is called "nothing*"'],
    });
  });

  it('gives a program the same', async () => {
    const { out } = await over.run('symbols --json *o*e');
    expect(out.map((line) => JSON.parse(line))).to.deep.equal(
      [
        { address: '0xffffffff81000040', type: 't', name: 'do_idle', module: null },
        { address: '0xffffffff81400000', type: 'D', name: 'page_offset_base', module: null },
        { address: '0xffffffff81400008', type: 'D', name: 'vmalloc_base', module: null },
        { address: '0xffffffffc0000010', type: 't', name: 'probe', module: 'toy_module' },
        { address: '0xffffffffc0001000', type: 'd', name: 'toy_state', module: 'toy_module' },
      ].filter(({ name }) => /o.*e$/.test(name)),
    );
  });

  const places: readonly (readonly [string, string])[] = [
    ['do_idle+4', '0xffffffff81000044  do_idle+0x4/0xc0'],
    ['0xffffffff810000ff', '0xffffffff810000ff  do_idle+0xbf/0xc0'],
    ['0xffffffff81000100', '0xffffffff81000100  f0000+0x0/0x10'],
    ['probe', '0xffffffffc0000010  probe+0x0/0xff0 [toy_module]'],
    ['toy_module:toy_state', '0xffffffffc0001000  toy_state+0x0/0x1000 [toy_module]'],
    ['rip', '0xffffffff81000044  do_idle+0x4/0xc0'],
    ['phys:0x10', '0xffff888000000010  in no symbol'],
  ];
  for (const [words, line] of places) {
    it(`says which symbol ${words} lies in`, async () => {
      const isNowhere = line.endsWith('in no symbol');
      expect(await over.run(`symbols ${words}`)).to.deep.equal({ status: isNowhere ? 1 : 0, out: [line], err: [] });
    });
  }

  it('gives a program the place, or null', async () => {
    const { status, out } = await over.run('symbols 0xffffffffc0000020 --json');
    expect([status, ...out.map((line) => JSON.parse(line))]).to.deep.equal([
      0,
      {
        address: '0xffffffffc0000020',
        place: { symbol: 'probe', offset: '0x10', size: '0xff0', type: 't', module: 'toy_module' },
      },
    ]);
    const nowhere = await over.run('symbols 0x1000 --json');
    expect([nowhere.status, ...nowhere.out.map((line) => JSON.parse(line))]).to.deep.equal([
      1,
      { address: '0x1000', place: null },
    ]);
  });

  it('says what is lacking of modules, and has the rest', async () => {
    using damaged = new OverDump(linuxDump({ areModulesDamaged: true }));
    const complaint = 'pagewalk: the list of modules is damaged after 1 of them';
    const listed = await damaged.run('symbols toy_*');
    expect(listed).to.deep.equal({
      ...{ status: 0, out: ['ffffffffc0001000 d toy_state [toy_module]'], err: [complaint] },
    });
    expect((await damaged.run('symbols probe')).err).to.deep.equal([complaint]);
  });

  it('ends where its reader is gone, or where it is interrupted', async () => {
    using large = new OverDump(linuxDump({ fillers: 9000 }));
    const gone = new AbortController();
    gone.abort();
    const unread = await large.runIn({ unread: gone.signal }, `symbols --dump ${large.dump}`);
    expect([unread.status, unread.out.length]).to.deep.equal([0, 8192]);
    const stop = new AbortController();
    const print = (): void => stop.abort(new Error('enough'));
    const stopped = await large.runIn({ signal: stop.signal, print }, `symbols --dump ${large.dump}`);
    expect(stopped.status).to.equal(3);
    expect(stopped.err.join()).to.contain('enough');
  });
});
