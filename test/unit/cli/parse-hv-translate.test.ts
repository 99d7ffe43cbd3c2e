import { expect } from 'chai';
import { parseHvTranslate } from '../../../src/cli/commands/hv-translate/hv-translate.ts';
import { UsageError } from '../../../src/cli/errors.ts';

const QMP = ['--qmp', 'unix:/run/vm.qmp'];

describe('cli/parseHvTranslate', () => {
  it('understands everything that a command line can say', () => {
    const words =
      '0x1000 --validate rwx --privilege-exempt --supervisor --user --enforce-smap --override-smap --shadow-stack ' +
      '--set-page-table-bits --ex --json --cpu 3 --trace t.log --timeout 250 --qmp=vm.qmp --gdb tcp::1234 4096';
    expect(parseHvTranslate(words.split(' '), {})).to.deep.equal({
      addresses: [0x1000n, 4096n],
      // All but TLB_FLUSH_INHIBIT, which is about a hypervisor's own doings.
      controlFlags: 0x7dfn,
      ex: true,
      json: true,
      guest: {
        qmp: 'vm.qmp',
        gdb: 'tcp::1234',
        cpu: 3,
        timeoutMs: 250,
        maxPauseMs: undefined,
        traceFile: 't.log',
        strict: false,
      },
    });
  });

  const flags: readonly (readonly [string, bigint])[] = [
    ['--validate r', 0x1n],
    ['--validate w', 0x2n],
    ['--validate x', 0x4n],
    ['--validate xr', 0x5n],
    ['--validate=rr', 0x1n],
    ['--validate r --privilege-exempt', 0x9n],
    ['--validate r --set-page-table-bits', 0x11n],
    ['--validate r --supervisor', 0x41n],
    ['--validate r --user', 0x81n],
    ['--validate r --enforce-smap', 0x101n],
    ['--validate r --override-smap', 0x201n],
    ['--validate r --shadow-stack', 0x401n],
  ];
  for (const [words, bits] of flags) {
    it(`makes 0x${bits.toString(16)} of "${words}"`, () => {
      const line = parseHvTranslate(['0', ...words.split(' '), ...QMP], {});
      expect(line).to.deep.include({ controlFlags: bits, ex: false, json: false });
    });
  }

  const refused: readonly (readonly [string, string])[] = [
    ['--validate r', 'no address was given'],
    [
      '0',
      'HV_STATUS_INVALID_PARAMETER: none of VALIDATE_READ, VALIDATE_WRITE and VALIDATE_EXECUTE is set; ' +
        'say what must be allowed: --validate rwx',
    ],
    ['0 --validate rwz', '--validate "rwz" is not made of the letters r, w and x'],
    ['0 --validate R', '--validate "R" is not made of the letters r, w and x'],
    ['0 --validate', '--validate needs a value: --validate RWX'],
    ['0 --validate r --write', 'unknown option --write'],
  ];
  for (const [words, message] of refused) {
    it(`refuses "${words}"`, () => {
      // The endpoint comes first, so that an option without its value is the last word.
      const line = [...QMP, ...words.split(' ')];
      expect(() => parseHvTranslate(line, {}))
        .to.throw(UsageError, message)
        .with.property('command', 'hv-translate');
    });
  }
});
