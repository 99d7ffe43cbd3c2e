import { expect } from 'chai';
import { UsageError } from '../../../../../src/cli/errors.ts';
import { parseOptions } from '../../../../../src/cli/options/parse-options.ts';
import { NamedDump } from '../../../../../src/cli/options/sources/dump-file.ts';
import { NamedQemu } from '../../../../../src/cli/options/sources/qemu-source.ts';
import { parseSource, SOURCE_OPTIONS } from '../../../../../src/cli/options/sources/sources.ts';

const RUNNING = {
  ...{ trace: { value: 'FILE', help: '' }, timeout: { value: 'MS', help: '' }, 'max-pause': { value: 'MS', help: '' } },
  ...{ 'no-host-memory': { help: '' }, until: { value: 'WHAT', help: '' }, within: { value: 'MS', help: '' } },
};
const TABLE = { ...SOURCE_OPTIONS, ...RUNNING, other: { value: 'X', help: '' } };
const ENVIRONMENT = { PAGEWALK_QMP: 'unix:/run/vm.qmp', PAGEWALK_GDB: '' };

const parse = (line: string, environment = {}) => {
  const words = line.split(' ').filter((word) => word !== '');
  return parseSource(parseOptions(words, TABLE, 'map'), environment, 'map');
};
const qemu = (parts: Partial<NamedQemu>) =>
  new NamedQemu({ qmp: undefined, gdb: undefined, timeoutMs: undefined, maxPauseMs: undefined, ...parts });

const WAYS = '--qmp ENDPOINT (or PAGEWALK_QMP), --guest NAME|PID, or --gdb, or --dump FILE';

describe('the guest that a command line names', () => {
  it('has the options of all sources, in the order of the help', () => {
    expect(Object.keys(SOURCE_OPTIONS)).to.deep.equal('qmp guest host gdb dump registers'.split(' '));
  });

  it('is a QEMU, by endpoints of the command line or of the environment', () => {
    expect(parse('--qmp unix:/a --gdb tcp::1 --timeout 1 --max-pause 2')).to.deep.equal(
      qemu({ qmp: 'unix:/a', gdb: 'tcp::1', timeoutMs: 1, maxPauseMs: 2 }),
    );
    expect(parse('', ENVIRONMENT)).to.deep.equal(qemu({ qmp: 'unix:/run/vm.qmp' }));
    expect(parse('--gdb tcp::1', ENVIRONMENT)).to.deep.equal(qemu({ qmp: 'unix:/run/vm.qmp', gdb: 'tcp::1' }));
    expect(parse('--qmp unix:/b', ENVIRONMENT)).to.deep.equal(qemu({ qmp: 'unix:/b' }));
    expect(parse('', { PAGEWALK_QMP: '', PAGEWALK_GDB: 'tcp::9' })).to.deep.equal(qemu({ gdb: 'tcp::9' }));
  });

  it('is a dump, which counts before the environment', () => {
    expect(parse('--dump a', ENVIRONMENT)).to.deep.equal(new NamedDump({ file: 'a', registersFile: undefined }));
    expect(parse('--registers r --dump a')).to.deep.equal(new NamedDump({ file: 'a', registersFile: 'r' }));
  });

  it('can be asked live and written to, or why not', () => {
    const [byMonitor, byStub, dump] = [parse('--qmp unix:/a'), parse('--gdb tcp::1'), parse('--dump a')];
    expect(
      [byMonitor, byStub, dump].map(({ whyNotLive, whyNotWritable }) => [whyNotLive, whyNotWritable]),
    ).to.deep.equal([
      [null, undefined],
      ['--live needs --qmp: the GDB stub pauses the guest', undefined],
      [
        '--live asks a guest that runs, and --dump names a file',
        'a dump is only read: no accessed or dirty bit is set in it',
      ],
    ]);
  });

  const REFUSED: readonly (readonly [line: string, message: string, environment?: object])[] = [
    ['', `no endpoint: say where the guest is with ${WAYS}`],
    ['--other x', `no endpoint: say where the guest is with ${WAYS}`],
    ['--qmp unix:/a --dump b', `two guests were named: take one of ${WAYS}`],
    ['--registers r', '--registers needs --dump: a guest that runs has its own registers'],
    ...Object.entries(RUNNING).map(([name, row]): readonly [string, string] => [
      `--dump a --${name}${'value' in row ? ' 5' : ''}`,
      `--${name} is about a guest that runs, and --dump names a file`,
    ]),
    ['--guest a --qmp unix:/a', '--guest and --qmp exclude each other'],
    ['--guest a --gdb tcp::1', '--guest and --gdb exclude each other'],
    ['--qmp unix:/a --gdb /a', 'unix:/a was given as the QMP endpoint and as the GDB stub; they are two sockets'],
    ['--qmp unix:/a --timeout 0', '--timeout "0" is not a whole number from 1 to 2147483647'],
    ['--qmp unix:/a --max-pause 2147483648', '--max-pause "2147483648" is not a whole number from 1 to 2147483647'],
    ['--host h', '--host says where an endpoint is, and none is given: add --qmp unix:PATH'],
  ];
  for (const [line, message, environment] of REFUSED) {
    it(`is refused as "${line}"`, () => {
      expect(() => parse(line, environment))
        .to.throw(UsageError)
        .that.includes({ message, command: 'map' });
    });
  }

  it('says which of its names is wrong: the option, or the variable', () => {
    for (const [line, environment, name] of [
      ['--qmp nothing:', {}, '--qmp'],
      ['--gdb nothing:', {}, '--gdb'],
      ['', { PAGEWALK_QMP: 'nothing:' }, 'PAGEWALK_QMP'],
      ['', { PAGEWALK_GDB: 'nothing:' }, 'PAGEWALK_GDB'],
    ] as const) {
      const refused = expect(() => parse(line, environment), name).to.throw(UsageError);
      refused.with.property('message').that.matches(new RegExp(`^${name}: .*nothing`));
      refused.with.property('command', 'map');
      refused.with.property('cause').that.includes({ code: 'ERR_TRANSPORT_ENDPOINT' });
    }
  });

  it('takes times from 1 on', () => {
    const source = parse('--qmp unix:/a --timeout 1 --max-pause 2147483647');
    expect(source).to.include({ timeoutMs: 1, maxPauseMs: 2_147_483_647 });
  });
});
