import { expect } from 'chai';
import { parseState } from '../../../../../src/cli/commands/state/state.ts';
import { parseTranslate } from '../../../../../src/cli/commands/translate/parse-translate.ts';
import { UsageError } from '../../../../../src/cli/errors.ts';
import { NamedQemu } from '../../../../../src/cli/options/sources/qemu-source.ts';

const QMP = ['--qmp', 'unix:/run/vm.qmp'];

const number = (value: bigint): object => ({ kind: 'number', value });

describe('cli/parseTranslate', () => {
  it('understands everything that a command line can say', () => {
    const words =
      '0x1000 --write --user --set-accessed --set-dirty --force-set-accessed --cpu 3 --cr3 0x5000 --json --trace t.log ' +
      '--timeout 250 --qmp=vm.qmp --gdb tcp::1234 4096 --set CR4.SMAP=0 --profile kvm --nested npt:0x6000 --set=PKRU=0 --no-host-memory';
    expect(parseTranslate(words.split(' '), {})).to.deep.equal({
      addresses: [number(0x1000n), number(4096n)],
      access: { write: true, user: true, exec: false },
      flags: { setAccessed: true, setDirty: true, forceSetAccessed: true },
      from: undefined,
      lengthBytes: undefined,
      names: false,
      scope: {
        cr3: 0x5000n,
        process: undefined,
        overrides: ['CR4.SMAP=0', 'PKRU=0'],
        profile: 'kvm',
        nested: 'npt:0x6000',
        live: false,
        hostMemory: false,
      },
      format: 'json',
      guest: {
        source: new NamedQemu({ qmp: 'vm.qmp', gdb: 'tcp::1234', timeoutMs: 250, maxPauseMs: undefined }),
        cpu: 3,
        traceFile: 't.log',
        strict: false,
      },
    });
  });

  it('has defaults for the rest', () => {
    expect(parseTranslate(['0', ...QMP], {})).to.deep.equal({
      addresses: [number(0n)],
      access: { write: false, user: false, exec: false },
      flags: { setAccessed: false, setDirty: false, forceSetAccessed: false },
      from: undefined,
      lengthBytes: undefined,
      names: false,
      scope: {
        cr3: undefined,
        process: undefined,
        overrides: [],
        profile: undefined,
        nested: undefined,
        live: false,
        hostMemory: true,
      },
      format: 'tree',
      guest: {
        source: new NamedQemu({ qmp: 'unix:/run/vm.qmp', gdb: undefined, timeoutMs: undefined, maxPauseMs: undefined }),
        cpu: 0,
        traceFile: undefined,
        strict: false,
      },
    });
  });

  it('takes a list of addresses, and may answer it in brief', () => {
    const { addresses, from, format } = parseTranslate(['--from', 'list', '--keep-going', '--brief', ...QMP], {});
    expect({ addresses, from, format }).to.deep.equal({
      addresses: [],
      from: { file: 'list', keepGoing: true },
      format: 'brief',
    });
    for (const words of [['--from=-'], ['--from', '-']]) {
      expect(parseTranslate([...words, ...QMP], {}).from).to.deep.equal({ file: '-', keepGoing: false });
    }
  });

  it('takes a write for a fetch too where that is said', () => {
    const { access } = parseTranslate(['0', '--write', '--exec', '--both', '--user', ...QMP], {});
    expect(access).to.deep.equal({ write: true, user: true, exec: true });
    const refuse = (...words: string[]) => expect(() => parseTranslate(['0', ...words, ...QMP], {}));
    refuse('--write', '--exec').to.throw(UsageError, '--write and --exec exclude each other');
    refuse('--write', '--both').to.throw(UsageError, '--both needs --write and --exec');
    refuse('--write', '--exec', '--both', '--brief').to.throw(UsageError, '--brief judges one access');
  });

  it('asks a guest live only through QMP', () => {
    expect(parseTranslate(['0', '--live', ...QMP], {}).scope.live).to.equal(true);
    expect(() => parseTranslate(['0', '--live', '--gdb', 'tcp::1'], {})).to.throw(UsageError, /^--live needs --qmp/);
  });

  it('takes endpoints from the environment, options first, and an empty variable for none', () => {
    const environment = { PAGEWALK_QMP: 'a.qmp', PAGEWALK_GDB: 'a.gdb' };
    expect(parseTranslate(['0'], environment).guest.source).to.include({ qmp: 'a.qmp', gdb: 'a.gdb' });
    expect(parseTranslate(['0', ...QMP], environment).guest.source).to.include({
      qmp: 'unix:/run/vm.qmp',
      gdb: 'a.gdb',
    });
    expect(parseTranslate(['0'], { ...environment, PAGEWALK_GDB: '' }).guest.source).to.include({ gdb: undefined });
  });

  it('takes a process instead of CR3, a length, and names', () => {
    const of = (words: string) => parseTranslate([...words.split(' '), ...QMP], {});
    expect(of('do_exit --pid 91 --length 0x2000 --names')).to.deep.include({ lengthBytes: 0x2000n, names: true });
    expect(of('0 --pid 91').scope).to.include({ process: 91, cr3: undefined });
    expect(of('0 --process bash').scope).to.include({ process: 'bash' });
    for (const wrong of [
      '0 --pid 1 --cr3 1',
      '0 --pid 1 --process a',
      '0 --pid x',
      '0 --length 0',
      '--from f --length 1',
    ]) {
      expect(() => of(wrong), wrong).to.throw(UsageError);
    }
  });

  it('takes what follows -- for an address', () => {
    expect(parseTranslate([...QMP, '--', '0x10'], {}).addresses).to.deep.equal([number(16n)]);
  });

  const refused: readonly (readonly [string, string])[] = [
    ['', 'no address was given'],
    ['0x1z', 'address "0x1z" is not a number (hexadecimal with 0x in front, or decimal)'],
    ['-4096', '-4096: a number cannot be negative here'],
    ['0 --cr3 -1', '-1: a number cannot be negative here'],
    ['0 --cr3 x', '--cr3 "x" is not a number (hexadecimal with 0x in front, or decimal)'],
    ['0 --colour', 'unknown option --colour'],
    ['0 -w', 'unknown option -w'],
    ['0 --toString', 'unknown option --toString'],
    ['0 --write=yes', '--write takes no value (got "yes")'],
    ['0 --cpu', '--cpu needs a value: --cpu N'],
    ['0 --cpu=', '--cpu needs a value: --cpu N'],
    [
      '0 --cpu --json',
      '--cpu needs a value: --cpu N (--json would be the next option; write --cpu=--json if it is meant)',
    ],
    ['0 --cpu one', '--cpu "one" is not a whole number from 0 to 4294967295'],
    ['0 --timeout 0', '--timeout "0" is not a whole number from 1 to 2147483647'],
    ['0 --set-accessed --set-dirty', '--set-dirty needs the --write access'],
    ['0 --write --set-dirty', '--set-dirty needs --set-accessed'],
    ['0 --force-set-accessed', '--force-set-accessed needs --set-accessed'],
    ['0 --write --exec', '--write and --exec exclude each other'],
    ['0 --live --set-accessed', '--set-accessed needs a paused guest, and --live does not pause it'],
    ['0 --live --no-host-memory', '--live reads memory from this host, which --no-host-memory refuses'],
    ['0 --brief --json', '--brief and --json exclude each other'],
    ['0 --brief --set-accessed', '--brief does not show which bits were set: take --json with --set-accessed'],
    ['0 --keep-going', '--keep-going needs --from'],
    ['0x10 --from list', 'addresses come from list or from the command line, which has "0x10"'],
  ];
  for (const [words, message] of refused) {
    it(`refuses "${words}"`, () => {
      const line = [...words.split(' ').filter((word) => word !== ''), ...QMP];
      // The options that need a value must be the last words for it to be missing.
      const ordered = / --cpu$/.test(words) ? [...QMP, ...words.split(' ')] : line;
      expect(() => parseTranslate(ordered, {}))
        .to.throw(UsageError)
        .that.includes({ message, command: 'translate', exitStatus: 2, code: 'ERR_CLI_USAGE' });
    });
  }

  it('refuses to have no endpoint, and names the ways to give one', () => {
    expect(() => parseTranslate(['0'], {})).to.throw(UsageError, /--qmp.*PAGEWALK_QMP.*--gdb/);
  });

  it('refuses what is no endpoint, and says where it was given', () => {
    expect(() => parseTranslate(['0', '--gdb', '1234'], {})).to.throw(UsageError, /^--gdb: "1234" is not an endpoint/);
    expect(() => parseTranslate(['0'], { PAGEWALK_QMP: 'tcp:x' })).to.throw(
      UsageError,
      /^PAGEWALK_QMP: "tcp:x" is not/,
    );
  });

  it('refuses one socket for both endpoints, however it is written', () => {
    expect(() => parseTranslate(['0', '--qmp', '/run/vm', '--gdb', 'unix:/run/vm'], {})).to.throw(
      UsageError,
      '/run/vm was given as the QMP endpoint and as the GDB stub; they are two sockets',
    );
  });
});

describe('cli/parseState', () => {
  it('understands its options', () => {
    expect(parseState(['--json', '--cpu', '1', ...QMP], {})).to.deep.equal({
      json: true,
      hostMemory: true,
      isAll: false,
      names: false,
      guest: {
        source: new NamedQemu({ qmp: 'unix:/run/vm.qmp', gdb: undefined, timeoutMs: undefined, maxPauseMs: undefined }),
        cpu: 1,
        traceFile: undefined,
        strict: false,
      },
    });
  });

  it('lists all vCPUs, with names or without', () => {
    expect(parseState(['--cpu', 'all', ...QMP], {})).to.include({ isAll: true, names: false });
    expect(parseState(['--cpu=all', '--names', ...QMP], {})).to.include({ isAll: true, names: true });
    expect(parseState(['--names', ...QMP], {})).to.include({ isAll: false, names: true });
  });

  it('refuses an argument, and the options of translate', () => {
    expect(() => parseState(['0x1', ...QMP], {})).to.throw(UsageError, 'state takes no argument (got "0x1")');
    expect(() => parseState(['--write', ...QMP], {})).to.throw(UsageError, 'unknown option --write');
  });
});
