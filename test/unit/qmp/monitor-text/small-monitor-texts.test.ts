import { expect } from 'chai';
import {
  findPluggedCpuPath,
  isHmpError,
  MonitorTextError,
  normalizeLineEnds,
  parseGdbserverOutput,
  parseHostAddress,
  parseInfoCpus,
  parseInfoKvm,
  parseInfoStatus,
  parseInfoVersion,
  parseMemoryDump,
} from '../../../../protocols/qmp/index.ts';
import { readFixtureText } from '../../../support/fakes/read-fixture.ts';

describe('parseInfoStatus', () => {
  it('reads what QEMU prints', () => {
    const read = (name: string) => parseInfoStatus(readFixtureText(`qmp/status/${name}.txt`));
    expect(read('running')).to.deep.equal({ running: true, status: 'running' });
    expect(read('paused')).to.deep.equal({ running: false, status: 'paused' });
    expect(read('prelaunch')).to.deep.equal({ running: false, status: 'prelaunch' });
  });

  it('reads single step mode, which older versions mention', () => {
    expect(parseInfoStatus('VM status: running (single step mode)\n')).to.deep.equal({
      running: true,
      status: 'running',
    });
    expect(parseInfoStatus('VM status: paused (single step mode) (guest-panicked)')).to.deep.equal({
      running: false,
      status: 'guest-panicked',
    });
  });

  it('refuses anything else', () => {
    for (const text of ['', 'VM status: asleep', 'VM status: running\nmore', "unknown command: 'info status'"]) {
      expect(() => parseInfoStatus(text), text)
        .to.throw(MonitorTextError)
        .with.property('lineNumber', 1);
    }
  });
});

describe('parseInfoCpus', () => {
  it('reads what QEMU prints', () => {
    const text = readFixtureText('qmp/cpus.txt');
    const cpus = parseInfoCpus(text);
    expect(cpus.map(({ cpuIndex, isCurrent }) => ({ cpuIndex, isCurrent }))).to.deep.equal([
      { cpuIndex: 0, isCurrent: true },
      { cpuIndex: 1, isCurrent: false },
    ]);
    for (const { threadId } of cpus) expect(text).to.contain(`thread_id=${threadId}\r\n`);
  });

  it('reads 8192 vCPUs, and no more', () => {
    const cpu = '  CPU #0: thread_id=1\n';
    expect(parseInfoCpus(cpu.repeat(8192))).to.have.lengthOf(8192);
    expect(() => parseInfoCpus(cpu.repeat(8193))).to.throw(MonitorTextError, 'more than 8192 vCPUs');
  });

  it('does not mind what older versions add', () => {
    expect(parseInfoCpus('* CPU #0: pc=0x00000000000fd0f3 (halted) thread_id=77\n')).to.deep.equal([
      { cpuIndex: 0, threadId: 77, isCurrent: true },
    ]);
  });

  it('refuses anything else', () => {
    expect(() => parseInfoCpus('')).to.throw(MonitorTextError, /no vCPU/);
    for (const text of [
      '* CPU #0: thread_id=\n',
      '* CPU #0: thread_id=7x\n',
      '* CPU #0 thread_id=7\n',
      '* CPU #x: thread_id=7\n',
      '- CPU #0: thread_id=7\n',
      'CPU #0: thread_id=7\n',
      '* CPU #0: pc=7\n',
    ]) {
      expect(() => parseInfoCpus(text), text).to.throw(MonitorTextError, 'this is no vCPU');
    }
    expect(() => parseInfoCpus('* CPU #0: thread_id=77\nx'))
      .to.throw(MonitorTextError)
      .with.property('lineNumber', 2);
  });
});

describe('parseGdbserverOutput', () => {
  const device = 'unix:/run/x.gdb,server=on,wait=off';
  it('tells success from failure', () => {
    expect(parseGdbserverOutput(`Waiting for gdb connection on device '${device}'\r\n`)).to.deep.equal({
      kind: 'listening',
      device,
    });
    expect(parseGdbserverOutput('Disabled gdbserver\r\n')).to.deep.equal({ kind: 'disabled' });
    expect(parseGdbserverOutput("duplicate yank instance\r\nCould not open gdbserver on device 'x'\r\n")).to.deep.equal(
      {
        kind: 'exists',
      },
    );
    expect(
      parseGdbserverOutput(
        "Failed to bind socket to /no/x: No such file or directory\r\nCould not open gdbserver on device 'unix:/no/x'\r\n",
      ),
    ).to.deep.equal({
      kind: 'failed',
      problem:
        "Failed to bind socket to /no/x: No such file or directory; Could not open gdbserver on device 'unix:/no/x'",
    });
  });

  it('takes the unknown for failure', () => {
    expect(parseGdbserverOutput('')).to.deep.equal({ kind: 'failed', problem: '' });
    expect(parseGdbserverOutput('All is well\n')).to.deep.equal({ kind: 'failed', problem: 'All is well' });
  });
});

describe('isHmpError', () => {
  it('knows the complaints of the monitor', () => {
    expect(isHmpError("unknown command: 'info bogus'\r\n")).to.equal(true);
    expect(isHmpError('unexpected end of expression\nTry "help x" for more information\n')).to.equal(true);
    expect(
      isHmpError('registers: unsupported option -z\r\nTry "help info registers" for more information\r\n'),
    ).to.equal(true);
  });

  it('looks at no more than a complaint can have', () => {
    const complaint = (chars: number) => `unknown command: '${'x'.repeat(chars - 19)}'`;
    expect(isHmpError(complaint(4096))).to.equal(true);
    expect(isHmpError(complaint(4097))).to.equal(false);
  });

  it('takes nothing else for one', () => {
    for (const name of ['mtree.txt', 'registers/all.txt', 'status/paused.txt', 'cpus.txt']) {
      expect(isHmpError(readFixtureText(`qmp/${name}`)), name).to.equal(false);
    }
    expect(isHmpError('')).to.equal(false);
    expect(isHmpError('a line that says unknown command: x\n')).to.equal(false);
    expect(isHmpError("unknown command: 'x' is what it says\n")).to.equal(false);
    expect(isHmpError("unknown command: 'x\ny'\n")).to.equal(false);
  });
});

describe('normalizeLineEnds', () => {
  it('leaves single carriage returns alone', () => {
    expect(normalizeLineEnds('a\r\nb\rc\n\r\n')).to.equal('a\nb\rc\n\n');
  });
});

describe('parseHostAddress', () => {
  it('reads what gpa2hva prints, whatever the region is called', () => {
    expect(parseHostAddress('Host virtual address for 0x100000 (pc.ram) is 0x7f8e4be00000\r\n')).to.equal(
      0x7f8e4be00000n,
    );
    expect(parseHostAddress('Host virtual address for 0x0 (a) is 0x1) is 0x2\n')).to.equal(2n);
  });

  it('gives nothing for anything else', () => {
    for (const text of [
      '',
      'No memory is mapped at address 0x1\n',
      'Host virtual address for 0x1\n(pc.ram) is 0x2\n',
      'Host virtual address for 0x1 (pc.ram) is nowhere\n',
      'Host virtual address for 0x1 pc.ram) is 0x2\n',
      'Host virtual address for 0x (pc.ram) is 0x2\n',
      'Host address for 0x1 (pc.ram) is 0x2\n',
      `Host virtual address for 0x1 (pc.ram) is 0x${'1'.repeat(17)}\n`,
    ]) {
      expect(parseHostAddress(text), text).to.equal(undefined);
    }
  });
});

describe('parseMemoryDump', () => {
  const TEXT = '0000000000110000: 0x0000000000111067 0xffffffffffffffff\r\n0000000000110010: 0x0000000000000001\r\n';

  it('reads what xp prints', () => {
    expect([...parseMemoryDump(TEXT, 3)]).to.deep.equal([0x111067n, 0xffff_ffff_ffff_ffffn, 1n]);
  });

  it('refuses more or fewer words than were asked for, and anything else', () => {
    expect(() => parseMemoryDump(TEXT, 2)).to.throw(MonitorTextError, /not as many words/);
    expect(() => parseMemoryDump(TEXT, 4)).to.throw(MonitorTextError, /3 words of memory instead of 4/);
    expect(() => parseMemoryDump('Cannot access memory\n', 1))
      .to.throw(MonitorTextError)
      .with.property('lineNumber', 1);
    for (const text of [
      '0000000000110000: 0x1 junk\n',
      '00000000000110000: 0x1\n',
      `0: 0x${'1'.repeat(17)}\n`,
      ': 0x1\n',
    ]) {
      expect(() => parseMemoryDump(text, 1), text).to.throw(MonitorTextError);
    }
  });
});

describe('what else the monitor says in a line or two', () => {
  it('info version', () => {
    expect(parseInfoVersion('7.2.22Debian 1:7.2+dfsg-7+deb12u18+b3\r\n')).to.deep.equal([7, 2, 22]);
    expect(parseInfoVersion('10.0\n')).to.deep.equal([10, 0, 0]);
    expect(parseInfoVersion(`${'9'.repeat(400)}.1\n`)).to.deep.equal([0, 0, 0]);
  });

  it('info kvm', () => {
    expect(parseInfoKvm('kvm support: enabled\r\n')).to.equal(true);
    expect(parseInfoKvm('kvm support: disabled\n')).to.equal(false);
    expect(parseInfoKvm('kvm support: not compiled\n')).to.equal(undefined);
  });

  it('info hotpluggable-cpus', () => {
    const text =
      'Hotpluggable CPUs:\r\n  type: "x"\r\n  vcpus_count: "1"\r\n  qom_path: "/machine/unattached/device[0]"\r\n';
    expect(findPluggedCpuPath(text)).to.equal('/machine/unattached/device[0]');
    for (const line of ['type: "x"', 'qom_path: "', 'qom_path: "/machine', 'path: "/machine"']) {
      expect(findPluggedCpuPath(`Hotpluggable CPUs:\n  ${line}\n`), line).to.equal(undefined);
    }
  });
});
