import { expect } from 'chai';
import { findHolder, processWith } from '../../../../src/guest/peer/find-holder.ts';
import { ProcessScan } from '../../../../src/guest/peer/processes.ts';
import { readUnixSockets } from '../../../../src/guest/peer/socket-tables.ts';
import { FakeClock } from '../../../support/host/fake-clock.ts';
import { OpenSockets } from '../../../support/host/open-sockets.ts';
import { QemuLookAlike } from '../../../support/host/qemu-look-alike.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

const LONG_MS = 60_000;
const ENDPOINT = 'unix:/run/vm.qmp';
const NO_ONE = { code: 'no-qemu-seen', endpoint: ENDPOINT, isRoot: process.geteuid?.() === 0 };

describe('who holds a socket', () => {
  const scratch = useScratchDirectory();

  const inodeOf = (path: string): number => readUnixSockets('self')?.find((socket) => socket.path === path)?.inode ?? 0;

  it('is a process that has one of them open', async () => {
    await using open = new OpenSockets();
    await open.listen(scratch('own'));
    const shared = await open.listen(scratch('shared'));
    await using other = await QemuLookAlike.start(scratch('relay'), { sockets: [shared] });
    const scan = new ProcessScan(LONG_MS);
    expect(processWith([1, inodeOf(scratch('own'))], scan)).to.equal(process.pid);
    expect(processWith([inodeOf(scratch('own'))], scan, process.pid)).to.equal(undefined);
    expect(processWith([inodeOf(scratch('shared'))], scan, process.pid)).to.equal(other.pid);
    expect(processWith([inodeOf(scratch('shared'))], scan, other.pid)).to.equal(process.pid);
    expect(processWith([], scan)).to.equal(undefined);
  });

  it('is a program that is no QEMU, or a QEMU of another user, or not seen', async () => {
    await using open = new OpenSockets();
    const shared = await open.listen(scratch('held'));
    const inodes = [inodeOf(scratch('held'))];
    expect(findHolder(ENDPOINT, inodes), 'not this process itself').to.deep.equal(NO_ONE);
    expect(findHolder(ENDPOINT, [])).to.deep.equal(NO_ONE);
    {
      await using relay = await QemuLookAlike.start(scratch('relay'), { sockets: [shared] });
      expect(findHolder(ENDPOINT, inodes)).to.deep.equal({
        code: 'held-by-program',
        endpoint: ENDPOINT,
        program: 'relay',
        pid: relay.pid,
      });
    }
    await using qemu = await QemuLookAlike.start(scratch('qemu-of-another'), { sockets: [shared] });
    expect(findHolder(ENDPOINT, inodes)).to.deep.equal({
      code: 'qemu-of-another-user',
      endpoint: ENDPOINT,
      pid: qemu.pid,
    });
    using clock = new FakeClock();
    clock.stepMs = 51;
    expect(findHolder(ENDPOINT, inodes), 'not in time').to.deep.equal(NO_ONE);
  });
});
