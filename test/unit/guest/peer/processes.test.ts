import { readlinkSync } from 'node:fs';
import { expect } from 'chai';
import { asNamedBy, executableOf, ProcessScan } from '../../../../src/guest/peer/processes.ts';
import { readUnixSockets } from '../../../../src/guest/peer/socket-tables.ts';
import { FakeClock } from '../../../support/host/fake-clock.ts';
import { openBelow } from '../../../support/host/open-below.ts';
import { OpenSockets } from '../../../support/host/open-sockets.ts';
import { QemuLookAlike } from '../../../support/host/qemu-look-alike.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

/** Higher than any process id that the kernel gives. */
const NO_PID = 2 ** 22 + 1;
const LONG_MS = 60_000;

describe("a look at this host's processes", () => {
  const scratch = useScratchDirectory();

  it('shows all of them, the newest first', () => {
    const pids = [...new ProcessScan(LONG_MS).processes()];
    expect(pids).to.include(process.pid).and.include(process.ppid);
    expect(pids).to.deep.equal([...pids].sort((one, other) => other - one));
    expect(pids.every(Number.isInteger)).to.equal(true);
  });

  it('shows those that run a QEMU, by its program, as they were at the first look', async () => {
    await using qemu = await QemuLookAlike.start(scratch('my-qemu'));
    await using other = await QemuLookAlike.start(scratch('no-emulator'), { words: ['qemu'] });
    const scan = new ProcessScan(LONG_MS);
    expect(scan.qemus).to.include(qemu.pid).and.not.include(other.pid).and.not.include(process.pid);
    await using later = await QemuLookAlike.start(scratch('my-qemu'));
    expect(scan.qemus).to.not.include(later.pid);
    expect(new ProcessScan(LONG_MS).qemus).to.include(later.pid);
  });

  it('shows the sockets that one has open, by inode, as they were at the first look', async () => {
    await using open = new OpenSockets();
    const [one, two] = [await open.listen(scratch('one')), await open.listen(scratch('two'))];
    const inodeOf = (name: string) => readUnixSockets('self')?.find(({ path }) => path === scratch(name))?.inode;
    await using qemu = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [one, two] });
    const scan = new ProcessScan(LONG_MS);
    const sockets = scan.sockets(qemu.pid);
    expect(sockets.get(inodeOf('one') ?? 0)).to.equal(3);
    expect(sockets.get(inodeOf('two') ?? 0)).to.equal(4);
    for (const [inode, descriptor] of sockets) {
      expect(readlinkSync(`/proc/${qemu.pid}/fd/${descriptor}`)).to.equal(`socket:[${inode}]`);
    }
    expect(scan.sockets(qemu.pid)).to.equal(sockets);
    expect([...scan.sockets(NO_PID)]).to.deep.equal([]);
    expect(openBelow(`/proc/${qemu.pid}`)).to.deep.equal([]);
    expect(scan.ranOut).to.equal(false);
  });

  it('ends in time, and says so', async () => {
    await using open = new OpenSockets();
    await open.listen(scratch('three'));
    using clock = new FakeClock();
    const scan = new ProcessScan(100);
    clock.now += 100;
    expect([...scan.processes()]).to.not.deep.equal([]);
    expect(scan.sockets(process.pid).size).to.be.greaterThan(0);
    expect(scan.ranOut, 'just in time').to.equal(false);
    clock.now += 1;
    expect([...scan.processes()]).to.deep.equal([]);
    expect(scan.ranOut).to.equal(true);
    const late = new ProcessScan(100);
    clock.now += 101;
    expect(late.sockets(process.pid).size).to.equal(0);
    expect(late.ranOut, 'before it looked at any socket').to.equal(true);
    expect(late.qemus).to.deep.equal([]);
  });
});

describe('the program of a process', () => {
  it('is what the kernel says, and none of one that is gone', () => {
    expect(executableOf(process.pid)).to.equal(readlinkSync('/proc/self/exe'));
    expect(executableOf(NO_PID)).to.equal(undefined);
  });
});

describe('a name that another process means', () => {
  it('is in its root or its working directory', () => {
    expect(asNamedBy(7, '/run/a')).to.equal('/proc/7/root/run/a');
    expect(asNamedBy(7, 'run/a')).to.equal('/proc/7/cwd/run/a');
  });
});
