import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { parseHvTranslate } from '../../../../../src/cli/commands/hv-translate/parse-hv-translate.ts';
import { InputFileError, UsageError } from '../../../../../src/cli/errors.ts';
import { NamedQemu } from '../../../../../src/cli/options/sources/qemu-source.ts';
import { useScratchDirectory } from '../../../../support/live/scratch-directory.ts';

const QMP = ['--qmp', 'unix:/run/vm.qmp'];

const number = (value: bigint): object => ({ kind: 'number', value });

describe('cli/parseHvTranslate', () => {
  it('understands everything that a command line can say', () => {
    const words =
      '0x1000 --validate rwx --privilege-exempt --supervisor --user --enforce-smap --override-smap --shadow-stack ' +
      '--set-page-table-bits --tlb-flush-inhibit --input-vtl 1 --caller-vtl 2 --ex --json --cpu 3 --trace t.log --timeout 250 ' +
      '--set CR4.SMAP=1 --vtl 1 --cr3 0x5000 --set CPL=3 --vtl 0 --set CPL=0 --profile amd --nested none --no-host-memory ' +
      '--protect 0x5-0x7=rx@1 --protect 9=- --overlay 3 --overlay 0x10-0x11 --qmp=vm.qmp --gdb tcp::1234 4096';
    expect(parseHvTranslate(words.split(' '), {})).to.deep.equal({
      addresses: [number(0x1000n), number(4096n)],
      from: undefined,
      controlFlags: 0x1100_0000_0000_07ffn,
      vtl: { vtl: 1, isNamed: true, isAssumed: false },
      isVpFromInput: false,
      ex: true,
      format: 'json',
      command: 'hv-translate',
      overlayPages: [3n, 0x10n, 0x11n],
      pageRules: [
        { first: 5n, last: 7n, read: true, write: false, vtl: 1 },
        { first: 9n, last: 9n, read: false, write: false, vtl: null },
      ],
      guest: {
        source: new NamedQemu({ qmp: 'vm.qmp', gdb: 'tcp::1234', timeoutMs: 250, maxPauseMs: undefined }),
        cpu: 3,
        traceFile: 't.log',
        strict: false,
      },
      scope: {
        cr3: 0x5000n,
        process: undefined,
        overrides: ['CR4.SMAP=1', 'CPL=3'],
        profile: 'amd',
        nested: 'none',
        live: false,
        hostMemory: false,
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
    ['--validate r --tlb-flush-inhibit', 0x21n],
    ['--control-flags 0x7ff', 0x7ffn],
    ['--control-flags 0x10 --validate r --user', 0x91n],
    ['--validate r --input-vtl 2', 0x1200_0000_0000_0001n],
    ['--validate r --supervisor', 0x41n],
    ['--validate r --user', 0x81n],
    ['--validate r --enforce-smap', 0x101n],
    ['--validate r --override-smap', 0x201n],
    ['--validate r --shadow-stack', 0x401n],
  ];
  for (const [words, bits] of flags) {
    it(`makes 0x${bits.toString(16)} of "${words}"`, () => {
      const line = parseHvTranslate(['0', ...words.split(' '), ...QMP], {});
      expect(line).to.deep.include({ controlFlags: bits, ex: false, format: 'tree' });
      expect(line).to.deep.include({ overlayPages: [], pageRules: [], isVpFromInput: false });
    });
  }

  const vtls: readonly (readonly [string, object])[] = [
    ['', { vtl: 0, isNamed: false, isAssumed: false }],
    ['--input-vtl 0', { vtl: 0, isNamed: true, isAssumed: false }],
    // QEMU shows one set of registers, and not whose they are.
    ['--input-vtl 1', { vtl: 1, isNamed: true, isAssumed: true }],
    ['--vtl 1 --cr3 0x1000', { vtl: 1, isNamed: true, isAssumed: false }],
    ['--vtl 1 --cr3 0x1000 --vtl 0 --cr3 0x2000', { vtl: 1, isNamed: true, isAssumed: false }],
    ['--vtl=1 --cr3 0x1000 --vtl 0 --cr3 0x2000 --caller-vtl 0', { vtl: 0, isNamed: true, isAssumed: false }],
    ['--vtl 1 --cr3 0x1000 --input-vtl 0', { vtl: 0, isNamed: true, isAssumed: true }],
    ['--caller-vtl 2', { vtl: 2, isNamed: true, isAssumed: true }],
  ];
  for (const [words, expected] of vtls) {
    it(`asks about a VTL: "${words}"`, () => {
      const more = words === '' ? [] : words.split(' ');
      expect(parseHvTranslate(['0', '--validate', 'r', ...more, ...QMP], {}).vtl).to.deep.equal(expected);
    });
  }

  it('gives each VTL its own registers, and those that come before the first VTL to all', () => {
    const of = (words: string) => {
      const line = ['0', '--validate', 'r', ...words.split(' '), ...QMP];
      const { cr3, overrides } = parseHvTranslate(line, {}).scope;
      return { cr3, overrides };
    };
    const both =
      '--set PKRU=1 --cr3 0x9000 --vtl 0 --set CR0.WP=0 --vtl 1 --cr3 0x5000 --set CPL=3 --vtl 0 --set CPL=1';
    expect(of(`${both} --input-vtl 1`)).to.deep.equal({ cr3: 0x5000n, overrides: ['PKRU=1', 'CPL=3'] });
    expect(of(`${both} --input-vtl 0`)).to.deep.equal({ cr3: 0x9000n, overrides: ['PKRU=1', 'CR0.WP=0', 'CPL=1'] });
    expect(of(`${both} --input-vtl 2`)).to.deep.equal({ cr3: 0x9000n, overrides: ['PKRU=1'] });
  });

  describe('with --input', () => {
    const self = 'ffffffffffffffff feffffff 00000000';
    const rest = '1300000000000011 05010080ffff0f00';
    const parse = (hex: string, ...words: string[]) => parseHvTranslate(['--input', hex, ...words, ...QMP], {});

    it('takes flags, VTL and page from the bytes', () => {
      expect(parse(`${self} ${rest}`)).to.deep.include({
        addresses: [number(0xffff_f800_0010_5000n)],
        controlFlags: 0x1100_0000_0000_0013n,
        vtl: { vtl: 1, isNamed: true, isAssumed: true },
        isVpFromInput: false,
      });
      expect(parse(`${self} ${rest}`).guest.cpu).to.equal(0);
    });

    it('takes the vCPU from VpIndex unless that is SELF, or another is named', () => {
      const third = `ffffffffffffffff 03000000 00000000 ${rest}`;
      expect(parse(third)).to.deep.include({ isVpFromInput: true }).and.have.nested.property('guest.cpu', 3);
      expect(parse(third, '--cpu', '1'))
        .to.deep.include({ isVpFromInput: false })
        .and.have.nested.property('guest.cpu', 1);
    });

    it('takes a whole hypercall page, and registers of the VTL that it names', () => {
      const page = `${self}${rest}${'ee'.repeat(4096 - 32)}`.replaceAll(' ', '');
      const line = parse(page, '--vtl', '1', '--cr3', '0x7f000');
      expect(line).to.deep.include({ vtl: { vtl: 1, isNamed: true, isAssumed: false } });
      expect(line.scope.cr3).to.equal(0x7f000n);
    });

    const scratch = useScratchDirectory();

    it('takes the bytes of a file', async () => {
      const file = scratch('input.bin');
      await writeFile(file, Buffer.from(`${self}${rest}`.replaceAll(' ', ''), 'hex'));
      expect(parse(`@${file}`)).to.deep.include({ addresses: [number(0xffff_f800_0010_5000n)] });
      expect(() => parse(`@${file}.none`)).to.throw(InputFileError, 'cannot be read');
    });

    const refusedInputs: readonly (readonly [string, readonly string[], string])[] = [
      ['00', [], 'has 32 bytes'],
      ['0', [], 'pairs of hexadecimal digits'],
      ['zz', [], 'pairs of hexadecimal digits'],
      [`${self} 0008000000000000 0000000000000000`, [], 'HV_STATUS_INVALID_PARAMETER: unknown control flags: 0x800'],
      [`${self} 0000000000000000 0000000000000000`, [], 'HV_STATUS_INVALID_PARAMETER: none of VALIDATE_READ'],
      ['ffffffffffffffff feffffff 01000000 1300000000000011 05010080ffff0f00', ['--ex'], 'bytes 12 to 15'],
      [`${self} ${rest}`, ['--caller-vtl', '0'], 'HV_STATUS_ACCESS_DENIED: VTL 0 cannot name VTL 1'],
      [`${self} ${rest}`, ['--validate', 'r'], '--validate was given too'],
      [`${self} ${rest}`, ['--user'], '--user was given too'],
      [`${self} ${rest}`, ['--from', '-'], '--from was given too'],
      [`${self} ${rest}`, ['0x1000'], '"0x1000" was given too'],
    ];
    for (const [hex, words, message] of refusedInputs) {
      it(`refuses "${hex.slice(0, 60)}" ${words.join(' ')}`, () => {
        expect(() => parse(hex, ...words))
          .to.throw(UsageError, message)
          .with.property('command', 'hv-translate');
      });
    }
  });

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
    ['0 --control-flags 0x800', 'HV_STATUS_INVALID_PARAMETER: unknown control flags: 0x800'],
    ['0 --control-flags 0x1000000000000001 --input-vtl 1', '--control-flags and --input-vtl both name a VTL'],
    ['0 --validate r --input-vtl 16', '--input-vtl "16" is not a whole number from 0 to 15'],
    ['0 --validate r --vtl x', '--vtl "x" is not a whole number from 0 to 15'],
    ['0 --validate r --vtl', '--vtl needs a value'],
    ['0 --validate r --vtl 1 --cr3 0x1000 --cr3 0x2000', '--cr3 takes one value'],
    ['0 --validate r --input-vtl 1 --caller-vtl 0', 'HV_STATUS_ACCESS_DENIED: VTL 0 cannot name VTL 1'],
    ['0 --validate r --protect 5', '--protect "5" is not PAGE=RIGHTS'],
    ['0 --validate r --protect 5=q', '--protect "5=q" is not PAGE=RIGHTS'],
    ['0 --validate r --protect 5=r@0', 'VTL of --protect "0" is not a whole number from 1 to 15'],
    ['0 --validate r --protect 7-5=r', '--protect "7-5" ends before it begins'],
    ['0 --validate r --overlay 1-2-3', '--overlay "1-2-3" is not PAGE, nor FIRST-LAST'],
    ['0 --validate r --overlay 0-0x10000', '--overlay names 65537 pages; 65536 are as many as it takes'],
    ['0 --validate r --live --set-page-table-bits', 'and --live does not pause it'],
    ['0 --validate r --brief --json', '--brief and --json exclude each other'],
    ['0 --validate r --brief --set-page-table-bits', '--brief does not show which bits were set'],
    ['0 --validate r --keep-going', '--keep-going needs --from'],
    ['0 --validate r --from -', 'addresses come from - or from the command line'],
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
