import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { expect } from 'chai';
import { isQemuProgram, isStill, readIdentity } from '../../../../src/guest/peer/process-identity.ts';
import { startTimeOf } from '../../../../src/guest/peer/process-life.ts';
import { QemuLookAlike } from '../../../support/host/qemu-look-alike.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

/** Higher than any process id that the kernel gives. */
const NO_PID = 2 ** 22 + 1;

describe('what a process is', () => {
  const scratch = useScratchDirectory();

  it('is told by its start, its program and its rights', async () => {
    await using other = await QemuLookAlike.start(scratch('my-qemu'));
    const { pid } = other;
    const identity = readIdentity(pid);
    expect(identity?.namespacedPids[0]).to.equal(pid);
    expect(identity).to.deep.equal({
      pid,
      startTime: startTimeOf(pid),
      uid: process.getuid?.(),
      gid: process.getgid?.(),
      executable: readlinkSync(`/proc/${pid}/exe`),
      isOpenToItsUser: true,
      namespacedPids: identity?.namespacedPids,
    });
    expect(readIdentity(NO_PID)).to.equal(undefined);
  });

  it('is still so until any of that changes', async () => {
    await using other = await QemuLookAlike.start(scratch('my-qemu'));
    const identity = readIdentity(other.pid);
    if (identity === undefined) throw new Error('the process is not seen');
    expect(isStill(identity)).to.equal(true);
    const changed = { startTime: '1', uid: identity.uid + 1, gid: identity.gid + 1, executable: '/x' };
    for (const [name, value] of Object.entries({ ...changed, isOpenToItsUser: false, pid: process.pid })) {
      expect(isStill({ ...identity, [name]: value }), name).to.equal(false);
    }
    await other[Symbol.asyncDispose]();
    expect(isStill(identity), 'gone').to.equal(false);
  });

  it('is not told while its rights change: it has more than one user, or group', async function () {
    if (process.getuid?.() !== 0) return this.skip();
    const program = scratch('changing');
    copyFileSync(realpathSync('/bin/cat'), program);
    chownSync(program, 65_534, 65_534);
    for (const mode of [0o4755, 0o2755]) {
      chmodSync(program, mode);
      const child = spawn(program, { argv0: 'cat', stdio: ['pipe', 'ignore', 'ignore'] });
      await once(child, 'spawn');
      const pid = Number(child.pid);
      // Some file systems give no rights.
      const hasChanged = /^[UG]id:\t0\t65534\t/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
      const identity = readIdentity(pid);
      child.stdin.end();
      await once(child, 'exit');
      if (hasChanged) expect(identity).to.equal(undefined);
    }
  });

  it('is that of another user where it has become one', async function () {
    if (process.getuid?.() !== 0) return this.skip();
    await using other = await QemuLookAlike.startAs(65_534);
    expect(readIdentity(other.pid)).to.include({ uid: 65_534, gid: 65_534, isOpenToItsUser: true });
    await using closed = await QemuLookAlike.startAs(65_534, { isReadable: false });
    expect(readIdentity(closed.pid)).to.include({ uid: 65_534, gid: 65_534, isOpenToItsUser: false });
  });
});

describe('a program that is a QEMU', () => {
  it('has that in its own name', () => {
    expect(isQemuProgram('/usr/bin/qemu-system-x86_64 (deleted)')).to.equal(true);
    expect(isQemuProgram('/opt/my-qemu')).to.equal(true);
    expect(isQemuProgram('/opt/qemu/bash')).to.equal(false);
    expect(isQemuProgram('')).to.equal(false);
  });
});
