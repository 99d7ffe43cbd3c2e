import { expect } from 'chai';
import { UsageError } from '../../../../src/cli/errors.ts';
import { parseGuestOptions } from '../../../../src/cli/options/guest-options.ts';
import { LINUX_OPTIONS, parseLinuxOptions } from '../../../../src/cli/options/linux-options.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from '../../../../src/cli/options/option-table.ts';
import { parseOptions } from '../../../../src/cli/options/parse-options.ts';
import { NamedDump } from '../../../../src/cli/options/sources/dump-file.ts';
import { NamedQemu } from '../../../../src/cli/options/sources/qemu-source.ts';

const TABLE = { ...GUEST_OPTIONS, ...SCOPE_OPTIONS };
const parse = (line: string, environment = {}) =>
  parseGuestOptions(parseOptions(line.split(' '), TABLE, 'map'), environment, 'map');
const linux = (line: string, environment = {}) =>
  parseLinuxOptions(parseOptions(line.split(' '), LINUX_OPTIONS, 'ps'), environment, 'ps');
const TIMES = { timeoutMs: undefined, maxPauseMs: undefined };
const QEMU = new NamedQemu({ qmp: 'unix:/a', gdb: undefined, ...TIMES });
const DUMP = new NamedDump({ file: 'vmcore', registersFile: undefined });

describe('cli/parseGuestOptions', () => {
  it('has what is not said as it is by itself', () => {
    expect(parse('--qmp unix:/a')).to.deep.equal({ source: QEMU, cpu: 0, traceFile: undefined, strict: false });
  });

  it('has all that is said', () => {
    expect(parse('--qmp unix:/a --cpu 7 --trace wire --strict --until cr3=4096 --within 20')).to.deep.equal({
      source: QEMU,
      cpu: 7,
      traceFile: 'wire',
      strict: true,
      until: { text: 'cr3=4096', condition: { kind: 'cr3', cr3: 4096n }, withinMs: 20, command: 'map' },
    });
    expect(parse('--gdb tcp::1 --timeout 9 --max-pause 8').source).to.deep.equal(
      new NamedQemu({ qmp: undefined, gdb: 'tcp::1', timeoutMs: 9, maxPauseMs: 8 }),
    );
  });

  it('takes vCPUs from 0 to the last that there can be', () => {
    expect(parse('--qmp unix:/a --cpu 0').cpu).to.equal(0);
    expect(parse('--qmp unix:/a --cpu 4294967295').cpu).to.equal(4_294_967_295);
    expect(() => parse('--qmp unix:/a --cpu 4294967296'))
      .to.throw(UsageError)
      .that.includes({
        message: '--cpu "4294967296" is not a whole number from 0 to 4294967295',
        command: 'map',
      });
  });
});

describe('cli/parseLinuxOptions', () => {
  it('has all that is said, and the rest as it is by itself', () => {
    const guest = { source: QEMU, cpu: 0, traceFile: undefined, strict: false };
    expect(linux('--qmp unix:/a')).to.deep.equal({ guest, live: false, hostMemory: true, json: false });
    expect(linux('--qmp unix:/a --live --no-host-memory --symbols vmlinux --json --cpu 2 --trace t')).to.deep.equal({
      guest: { ...guest, cpu: 2, traceFile: 't' },
      live: true,
      hostMemory: false,
      json: true,
      symbolsFile: 'vmlinux',
    });
    expect(linux('--dump vmcore').guest.source).to.deep.equal(DUMP);
  });

  it('takes no guest live that cannot be asked while it runs', () => {
    for (const [line, message] of [
      ['--dump vmcore --live', '--live asks a guest that runs, and --dump names a file'],
      ['--gdb tcp::1 --live', '--live needs --qmp: the GDB stub pauses the guest'],
    ] as const) {
      expect(() => linux(line), line)
        .to.throw(UsageError)
        .that.includes({ message, command: 'ps' });
    }
  });
});
