import { execFileSync } from 'node:child_process';
import { chmodSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { expect } from 'chai';
import {
  commandLineOf,
  containerOf,
  innerPidOf,
  isSystemEmulator,
  namespaceOf,
  programOf,
  readNamedFile,
  readStart,
  usersOf,
  usesKvm,
  wordsOf,
} from '../../../../src/guest/found/process-facts.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

const OWN = process.getuid?.() ?? 0;
/** Higher than any process id that the kernel gives. */
const NO_PID = 2 ** 22 + 1;

describe('a file that a process names', () => {
  const scratch = useScratchDirectory();

  it('is read where it is its own', () => {
    writeFileSync(scratch('own'), 'text', { mode: 0o600 });
    expect(readNamedFile(process.pid, OWN, scratch('own'))).to.equal('text');
    expect(readNamedFile(process.pid, OWN + 1, scratch('own')), "another user's").to.equal(undefined);
  });

  it("is read where it is another user's, but everyone's to read", () => {
    writeFileSync(scratch('open'), 'for all');
    chmodSync(scratch('open'), 0o604);
    expect(readNamedFile(process.pid, OWN + 1, scratch('open'))).to.equal('for all');
    for (const mode of [0o640, 0o602, 0o601, 0o610]) {
      chmodSync(scratch('open'), mode);
      expect(readNamedFile(process.pid, OWN + 1, scratch('open')), `mode ${mode}`).to.equal(undefined);
    }
  });

  it('may be named from its working directory, and with dots', () => {
    writeFileSync(scratch('named'), 'text');
    expect(readNamedFile(process.pid, OWN, relative(process.cwd(), scratch('named')))).to.equal('text');
    expect(readNamedFile(process.pid, OWN, `${scratch('away')}/../named`)).to.equal('text');
  });

  it('is no folder, no pipe, and nothing that is not there', () => {
    execFileSync('mkfifo', [scratch('pipe')]);
    for (const name of ['pipe', '.', 'absent']) {
      expect(readNamedFile(process.pid, OWN, scratch(name)), name).to.equal(undefined);
    }
    expect(readNamedFile(NO_PID, OWN, '/etc/passwd')).to.equal(undefined);
  });

  it('is read to half a megabyte, and no further', () => {
    writeFileSync(scratch('long'), `${'a'.repeat(512 * 1024)}b`);
    expect(readNamedFile(process.pid, OWN, scratch('long'))).to.equal('a'.repeat(512 * 1024));
    expect(readStart(scratch('long'))).to.equal('a'.repeat(512 * 1024));
    writeFileSync(scratch('empty'), '');
    expect(readStart(scratch('empty'))).to.equal('');
    expect(() => readStart(scratch('absent'))).to.throw('ENOENT');
  });

  it('leaves nothing open', () => {
    writeFileSync(scratch('closed'), 'text');
    const opened = (): string[] =>
      execFileSync('ls', ['-l', `/proc/${process.pid}/fd`], { encoding: 'utf8' })
        .split('\n')
        .filter((line) => line.includes(scratch('closed')));
    readNamedFile(process.pid, OWN, scratch('closed'));
    readNamedFile(process.pid, OWN + 1, scratch('closed'));
    readStart(scratch('closed'));
    expect(opened()).to.deep.equal([]);
  });

  it('is not read through a link, nor where the kernel answers the reader: root would be told more', () => {
    symlinkSync(scratch('own'), scratch('link'));
    expect(readNamedFile(process.pid, OWN, scratch('link'))).to.equal(undefined);
    for (const file of ['/proc/self/status', '/proc/version', '/sys/kernel/uevent_seqnum']) {
      expect(readNamedFile(process.pid, OWN, file), file).to.equal(undefined);
    }
  });
});

describe('what the kernel shows of a process', () => {
  it('are the words of its command line', () => {
    expect(commandLineOf(process.pid)?.length).to.be.greaterThan(1);
    expect(commandLineOf(NO_PID)).to.equal(undefined);
    expect(wordsOf('qemu\0-name\0\0vm\0')).to.deep.equal(['qemu', '-name', '', 'vm']);
    expect(wordsOf('qemu\0'), 'one word').to.deep.equal(['qemu']);
    expect(wordsOf('')).to.equal(undefined);
    expect(wordsOf('cut short')).to.equal(undefined);
  });

  it('are its namespaces', () => {
    expect(namespaceOf('self', 'net')).to.equal(readlinkSync('/proc/self/ns/net'));
    expect(namespaceOf(process.pid, 'mnt')).to.equal(readlinkSync('/proc/self/ns/mnt'));
    expect(namespaceOf(NO_PID, 'net')).to.equal('');
    expect(namespaceOf('self', 'no-such-kind')).to.equal('');
  });

  it('is whether it has a virtual machine open', () => {
    expect(usesKvm(process.pid)).to.equal(false);
    expect(usesKvm(NO_PID)).to.equal(undefined);
  });

  it('is its program, and its own word only where that may not be seen', () => {
    expect(programOf('/usr/bin/qemu-system-x86_64', ['x'])).to.equal('qemu-system-x86_64');
    expect(programOf('/usr/bin/qemu-kvm (deleted)', undefined)).to.equal('qemu-kvm');
    expect(programOf(undefined, ['/opt/qemu-kvm', '-s'])).to.equal('qemu-kvm');
    expect(programOf(undefined, [])).to.equal('');
    expect(programOf(undefined, undefined)).to.equal('');
  });
});

describe('a system emulator', () => {
  it('is told from the other programs of QEMU by its name', () => {
    const names = [
      'qemu-system-x86_64',
      'my-qemu-system-i386',
      'qemu-kvm',
      'kvm',
      'qemu-img',
      'qemu-ga',
      'kvmtool',
      '',
    ];
    expect(names.filter(isSystemEmulator)).to.deep.equal(names.slice(0, 4));
  });
});

describe('the container of a process', () => {
  it('is told by its control group, as each runtime names it', () => {
    const id = '0123456789abcdef0123';
    for (const [group, expected] of [
      [`12:cpu:/docker/${id}`, 'docker 0123456789ab'],
      [`0::/system.slice/docker-${id}.scope`, 'docker 0123456789ab'],
      [`0::/machine.slice/libpod-${id}.scope`, 'podman 0123456789ab'],
      [`0::/kubepods/cri-containerd-${id}.scope`, 'kubernetes 0123456789ab'],
      [`0::/kubepods/crio-${id}.scope`, 'kubernetes 0123456789ab'],
      [`0::/kubepods/pod01234567-89ab-cdef-0123-456789abcdef/${id}`, 'kubernetes 0123456789ab'],
      ['0::/lxc/web.1', 'lxc web.1'],
      ['0::/lxc.payload.web', 'lxc web'],
      ['0::/machine.slice/systemd-nspawn@web-1.service', 'systemd-nspawn web-1'],
      ['0::/user.slice/user-0.slice', null],
      [`0::/docker/${id.slice(0, 11)}`, null],
      ['', null],
    ] as const) {
      expect(containerOf(group), group).to.equal(expected);
    }
  });
});

describe('the process id in a namespace', () => {
  it('is the innermost, where there is more than one', () => {
    expect(innerPidOf('Name:\tqemu\nNSpid:\t20\t7\t1\nNSsid:\t9\t8\n')).to.equal(1);
    expect(innerPidOf('NSpid:\t20\t7\n')).to.equal(7);
    expect(innerPidOf('NSpid:\t20\n')).to.equal(null);
    expect(innerPidOf('Name:\tqemu\n')).to.equal(null);
    expect(innerPidOf('')).to.equal(null);
  });
});

describe('the users of a host', () => {
  it('are told by their list', () => {
    const users = usersOf('root:x:0:0:root:/root:/bin/sh\nlibvirt-qemu:x:107:64055::/var:/bin/false\nno-id\nempty::\n');
    expect(users.get(0)).to.equal('root');
    expect(users.get(107)).to.equal('libvirt-qemu');
    expect([...users.keys()]).to.deep.equal([0, 107, Number.NaN]);
  });
});
