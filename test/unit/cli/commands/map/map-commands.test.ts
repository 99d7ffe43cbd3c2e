import { expect } from 'chai';
import { parseDiff } from '../../../../../src/cli/commands/diff/parse-diff.ts';
import { parseExplore } from '../../../../../src/cli/commands/explore/parse-explore.ts';
import { parseFind } from '../../../../../src/cli/commands/map/parse-find.ts';
import { parseMap } from '../../../../../src/cli/commands/map/parse-map.ts';
import { UsageError } from '../../../../../src/cli/errors.ts';
import { parseMapFilter } from '../../../../../src/cli/options/map-filter.ts';
import { NamedDump } from '../../../../../src/cli/options/sources/dump-file.ts';
import type { PageAttributes } from '../../../../../src/paging/index.ts';

const QMP = ['--qmp', 'unix:/run/vm.qmp'];

type Parse = (words: readonly string[], environment: Record<string, string>) => object;

function refuses(parse: Parse, command: string, cases: readonly (readonly [string, string])[]): void {
  for (const [words, message] of cases) {
    it(`refuses "${words}"`, () => {
      expect(() => parse([...words.split(' ').filter((word) => word !== ''), ...QMP], {}))
        .to.throw(UsageError)
        .that.includes({ message, command, exitStatus: 2 });
    });
  }
}

describe('cli/parseMap', () => {
  it('has defaults for everything', () => {
    expect(parseMap(QMP, {})).to.deep.include({
      range: null,
      filter: null,
      of: 'ranges',
      summary: false,
      limit: 1_000_000,
      json: false,
    });
  });

  it('understands everything that a command line can say', () => {
    const words = '--range 0x1000+0x1000 --filter w+x,user --leaves --limit 7 --json --cr3 0x5000 --set A20=0 --live';
    expect(parseMap([...words.split(' '), ...QMP], {})).to.deep.include({
      range: { kind: 'numbers', first: 0x1000n, last: 0x1fffn },
      filter: 'w+x,user',
      of: 'pages',
      limit: 7,
      json: true,
    });
    expect(parseMap([...words.split(' '), ...QMP], {}).scope).to.include({ cr3: 0x5000n, live: true });
  });

  refuses(parseMap, 'map', [
    ['0x1000', 'map takes no argument (got "0x1000"); for a part of the address space: --range'],
    ['--leaves --summary', '--leaves and --summary exclude each other'],
    ['--range 5', '--range "5" is not FIRST-LAST, nor FIRST+SIZE'],
    ['--limit 0', '--limit "0" is not a whole number from 1 to 999999999999999'],
    [
      '--filter w,odd',
      '--filter "w,odd": unknown right "odd"; use w, ro, x, nx, user, supervisor, global, key=N; + is and, a comma is or',
    ],
    [
      '--filter w,usr',
      '--filter "w,usr": unknown right "usr"; use w, ro, x, nx, user, supervisor, global, key=N; + is and, a comma is or; did you mean user?',
    ],
    ['--filter key=16', '--filter key "16" is not a whole number from 0 to 15'],
    ['--filter w --filter user', '--filter takes one value (got "w" and "user")'],
    ['--range 0-1 --range=2-3', '--range takes one value (got "0-1" and "2-3")'],
    ['--qmp other', '--qmp takes one value (got "other" and "unix:/run/vm.qmp")'],
    ['--html a --leaves', '--html and --leaves exclude each other: a picture has everything in it'],
    ['--html a --filter w', '--html and --filter exclude each other: a picture has everything in it'],
    ['--live --no-host-memory', '--live reads memory from this host, which --no-host-memory refuses'],
  ]);
});

describe('cli/parseMapFilter', () => {
  function page(may: string, more: Partial<PageAttributes> = {}): PageAttributes {
    const rights = { write: may.includes('w'), user: may.includes('u'), exec: may.includes('x') };
    return { rights, protectionKey: 0, global: false, ...more };
  }

  const executeOnly = page('x', { rights: { read: false, write: false, user: false, exec: true } });
  const cases: readonly (readonly [string, PageAttributes, boolean])[] = [
    ['w', page('rw'), true],
    ['w', page('r'), false],
    ['ro', page('rx'), true],
    ['nx+ro', page('rx'), false],
    ['ro', executeOnly, false],
    ['x', executeOnly, true],
    ['w+x', page('rwx'), true],
    ['w+x', page('rw'), false],
    ['w+x,user', page('ru'), true],
    ['w+x,user', page('rx'), false],
    ['W+X,USER', page('rwx'), true],
    ['supervisor', page('ru'), false],
    ['global', page('r', { global: true }), true],
    ['key=3', page('r', { protectionKey: 3 }), true],
    ['key=3', page('r', { protectionKey: null }), false],
  ];
  for (const [filter, attributes, expected] of cases) {
    it(`${filter} ${expected ? 'takes' : 'leaves'} ${JSON.stringify(attributes.rights)}`, () => {
      expect(parseMapFilter(filter, 'map')(attributes)).to.equal(expected);
    });
  }
});

describe('cli/parseExplore', () => {
  it('takes a guest, or files, and a port', () => {
    expect(parseExplore([...QMP, '--port', '8080', '--live'], {})).to.deep.include({
      kind: 'guest',
      port: 8080,
      range: { first: 0n, last: 0xffff_ffff_ffff_ffffn },
    });
    expect(parseExplore(['a.json', 'b.json'], { PAGEWALK_QMP: 'vm' })).to.deep.equal({
      kind: 'saved',
      files: ['a.json', 'b.json'],
      port: 0,
    });
  });

  refuses(parseExplore, 'explore', [
    ['a.json', '--qmp is about a guest, and files were given'],
    ['--port 70000', '--port "70000" is not a whole number from 1 to 65535'],
  ]);
});

describe('cli/parseFind', () => {
  it('takes an address, or a range', () => {
    expect(parseFind(['0x120123', ...QMP], {})).to.deep.include({
      physical: { first: 0x12_0123n, last: 0x12_0123n },
      range: null,
      json: false,
    });
    expect(parseFind(['0x1000-0x1fff', '--range', '0+4096', '--json', ...QMP], {})).to.deep.include({
      physical: { first: 0x1000n, last: 0x1fffn },
      range: { kind: 'numbers', first: 0n, last: 4095n },
      json: true,
    });
    expect(parseFind(['0x1000+0x1000', ...QMP], {}).physical).to.deep.equal({ first: 0x1000n, last: 0x1fffn });
  });

  refuses(parseFind, 'find', [
    ['', 'no physical address was given'],
    ['1 2', 'one physical address or range at a time; "2" is another'],
    ['1x', 'physical address "1x" is not a number (hexadecimal with 0x in front, or decimal)'],
    ['0x10000000000000', 'physical addresses have at most 52 bits, and "0x10000000000000" has more'],
    ['2-1', 'physical range "2-1" ends before it begins'],
  ]);
});

describe('cli/parseDiff', () => {
  it('takes two files', () => {
    expect(parseDiff(['a', '-', '--json', '--limit', '3'], {})).to.deep.equal({
      kind: 'saved',
      before: 'a',
      after: '-',
      strict: false,
      json: true,
      limit: 3,
      html: undefined,
    });
  });

  it('takes --strict for files too, as they say what they rest on', () => {
    expect(parseDiff(['a', 'b', '--strict'], {})).to.include({ kind: 'saved', strict: true });
  });

  it('takes a guest and a time', () => {
    expect(parseDiff(['--after', '250', '--range', '0-4095', ...QMP], {})).to.deep.include({
      kind: 'guest',
      afterMs: 250,
      range: { kind: 'numbers', first: 0n, last: 4095n },
      limit: 1_000_000,
    });
  });

  it('takes two dumps, each with its registers, and a dump beside a guest', () => {
    const two = parseDiff(
      '--dump a --dump b --registers r --registers s --cpu 1 --strict --html p --names'.split(' '),
      {},
    );
    if (two.kind !== 'two') throw new Error('two guests are compared');
    expect(two).to.deep.include({ range: null, names: true, html: 'p' });
    expect(two.before).to.deep.include({
      cpu: 1,
      strict: true,
      source: new NamedDump({ file: 'a', registersFile: 'r' }),
    });
    expect(two.after).to.deep.include({
      cpu: 1,
      strict: true,
      source: new NamedDump({ file: 'b', registersFile: 's' }),
    });
    const words = ['--dump', 'a', '--registers', 'r', '--timeout', '7', '--range', '0-4095', ...QMP];
    const beside = parseDiff(words, { PAGEWALK_QMP: 'unix:/another' });
    if (beside.kind !== 'two') throw new Error('two guests are compared');
    expect(beside).to.deep.include({ range: { kind: 'numbers', first: 0n, last: 4095n }, names: false });
    expect(beside.before.source).to.deep.equal(new NamedDump({ file: 'a', registersFile: 'r' }));
    expect(beside.after.source).to.not.be.instanceOf(NamedDump);
    expect(beside.after.cpu).to.equal(0);
  });

  const refused: readonly (readonly [string, string])[] = [
    [
      '',
      'give two files saved by pagewalk map --json, or --after MS and a guest, or --dump FILE twice or beside a guest',
    ],
    [
      'a',
      'give two files saved by pagewalk map --json, or --after MS and a guest, or --dump FILE twice or beside a guest',
    ],
    [
      'a b c',
      'give two files saved by pagewalk map --json, or --after MS and a guest, or --dump FILE twice or beside a guest',
    ],
    ['- -', 'standard input can be one of the two maps, not both'],
    ['a b --qmp vm', '--qmp is about a guest, and needs --after MS'],
    ['a b --live', '--live is about a guest, and needs --after MS'],
    ['a b --html c --json', '--html and --json exclude each other'],
    ['a b --set A20=0', '--set is about a guest, and needs --after MS'],
    ['a --after 1 --qmp vm', '--after compares a guest with itself, and "a" is a file'],
    ['--after soon --qmp vm', '--after "soon" is not a whole number from 0 to 2147483647'],
    ['a b --html c --limit 1', '--html and --limit exclude each other'],
    ['a b --names', '--names needs --html'],
    ['a b --registers r', '--registers needs --dump'],
    ['a b --limit 0', '--limit "0" is not a whole number from 1 to 999999999999999'],
    ['--dump a --dump b --dump c', 'two dumps are compared (got 3)'],
    ['--dump a --dump b c', '--dump compares dumps and guests, and "c" is a file'],
    ['--dump a --after 1', '--after compares a guest that runs with itself, without --dump'],
    ['--dump a --dump b --registers r', 'give --registers once for each --dump (got 1 for 2)'],
    ['--dump a --registers r --registers s --qmp vm', 'give --registers once for each --dump (got 2 for 1)'],
    ['--dump a --dump b --qmp vm', 'two dumps are compared, and --qmp names a third guest'],
    ['--dump a --dump b --gdb vm', 'two dumps are compared, and --gdb names a third guest'],
    ['--dump a --dump b --timeout 5', '--timeout is about a guest that runs, and --dump names a file'],
    ['--dump a --dump b --no-host-memory', '--no-host-memory is about a guest that runs, and --dump names a file'],
    ['--dump a --dump b --live', '--live asks a guest that runs, and --dump names a file'],
    [
      '--after 5',
      'no endpoint: say where the guest is with --qmp ENDPOINT (or PAGEWALK_QMP), --guest NAME|PID, or --gdb, or --dump FILE',
    ],
  ];
  for (const [words, message] of refused) {
    it(`refuses "${words}"`, () => {
      expect(() =>
        parseDiff(
          words.split(' ').filter((word) => word !== ''),
          {},
        ),
      )
        .to.throw(UsageError)
        .that.includes({ message, command: 'diff' });
    });
  }
});

describe('cli/parseMap, parseFind, parseExplore and parseDiff, at their bounds', () => {
  const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');
  const map = (text: string) => parseMap([...words(text), ...QMP], {});
  const find = (text: string) => parseFind([...words(text), ...QMP], {});
  const explore = (text: string) => parseExplore(words(text), {});
  const messageOf = (parse: () => unknown): string => {
    try {
      parse();
    } catch (error) {
      if (error instanceof UsageError) return error.message;
    }
    return expect.fail('it was not refused');
  };

  it('take limits up to the largest, and no larger one', () => {
    expect(map('--limit 1').limit).to.equal(1);
    expect(map('--limit 999999999999999').limit).to.equal(999_999_999_999_999);
    const tooMany = '--limit "1000000000000000" is not a whole number from 1 to 999999999999999';
    expect(messageOf(() => map('--limit 1000000000000000'))).to.equal(tooMany);
    expect(parseDiff(['a', 'b', '--limit', '999999999999999'], {})).to.include({ limit: 999_999_999_999_999 });
    expect(parseDiff(['a', 'b'], {})).to.include({ limit: 1_000_000, json: false, strict: false });
    expect(messageOf(() => parseDiff(['a', 'b', '--limit', '1000000000000000'], {}))).to.equal(tooMany);
  });

  it('show names where these are asked for, or a process or a file of symbols is given', () => {
    for (const [text, shown] of [
      ['', false],
      ['--names', true],
      ['--pid 1', true],
      ['--process sh', true],
      ['--symbols f', true],
      ['--cr3 1', false],
    ] as const) {
      expect(map(text).names, text).to.equal(shown);
      expect(find(`1 ${text}`).names, text).to.equal(shown);
      const line = explore(`${text} ${QMP.join(' ')}`);
      expect(line.kind === 'guest' && line.names, text).to.equal(shown);
    }
    expect(find('1 --processes')).to.include({ names: true, processes: true, l2: false });
    expect(find('1 --l2')).to.include({ names: false, processes: false, l2: true });
  });

  it('write a picture of everything alone', () => {
    expect(map('--html f').html).to.equal('f');
    expect(map('')).to.include({ html: undefined, of: 'ranges', summary: false, json: false });
    expect(map('--summary')).to.include({ summary: true, of: 'ranges' });
    for (const name of ['leaves', 'summary', 'json', 'filter w', 'limit 1'])
      expect(messageOf(() => map(`--html f --${name}`))).to.equal(
        `--html and --${name.split(' ')[0]} exclude each other: a picture has everything in it`,
      );
  });

  it('take physical addresses of 52 bits, and what is linear for where it leads', () => {
    const most = 0xf_ffff_ffff_ffffn;
    expect(find('0xfffffffffffff').physical).to.deep.equal({ first: most, last: most });
    expect(find('phys:4096').physical).to.deep.equal({ first: 4096n, last: 4096n });
    expect(find('PHYS:0x1000-0x1001').physical).to.deep.equal({ first: 0x1000n, last: 0x1001n });
    for (const text of ['0x10000000000000', '0x1000-0x10000000000000', '0xfffffffffffff+2'])
      expect(messageOf(() => find(text))).to.equal(
        `physical addresses have at most 52 bits, and ${JSON.stringify(text)} has more`,
      );
    expect(find('do_exit').physical).to.deep.include({ kind: 'symbol', offset: 0n });
    expect(find('rip+1').physical).to.deep.include({ kind: 'register', register: 'rip', offset: 1n });
    expect(find('1 --range do_exit').range).to.deep.include({ kind: 'symbol' });
  });

  it('take ports and files up to a number', () => {
    const qmp = QMP.join(' ');
    expect(explore(`--port 1 ${qmp}`).port).to.equal(1);
    expect(explore(`--port 65535 ${qmp}`).port).to.equal(65_535);
    for (const port of ['0', '65536'])
      expect(messageOf(() => explore(`--port ${port} ${qmp}`))).to.equal(
        `--port "${port}" is not a whole number from 1 to 65535`,
      );
    const files = Array.from({ length: 17 }, (_, at) => `f${at}`);
    expect(explore(`${files.slice(1).join(' ')} --port 7`)).to.deep.equal({
      ...{ kind: 'saved', files: files.slice(1), port: 7 },
    });
    expect(messageOf(() => explore(files.join(' ')))).to.equal('at most 16 files at once; these are 17');
    for (const [text, name] of [
      ['--range 0-1', 'range'],
      ['--set PKRU=0', 'set'],
      ['--live', 'live'],
      ['--names', 'names'],
      ['--cpu 0', 'cpu'],
    ])
      expect(messageOf(() => explore(`f ${text}`))).to.equal(`--${name} is about a guest, and files were given`);
  });

  it('look at a part of the address space, or at all of it', () => {
    const part = explore(`--range 0x1000+0x1000 ${QMP.join(' ')} --pid 7`);
    if (part.kind !== 'guest') throw new TypeError('a guest was asked for');
    expect(part.range).to.deep.equal({ first: 0x1000n, last: 0x1fffn });
    expect(part.scope).to.include({ process: 7, live: false, hostMemory: true });
    for (const name of ['json', 'strict'])
      expect(messageOf(() => explore(`--${name} ${QMP.join(' ')}`))).to.contain(`unknown option --${name}`);
  });
});
