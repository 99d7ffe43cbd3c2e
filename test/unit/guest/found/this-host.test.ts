import { spawnSync } from 'node:child_process';
import { readlinkSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { relative } from 'node:path';
import { expect } from 'chai';
import type { HostLook } from '../../../../src/guest/found/host-look.ts';
import { lookAtThisHost } from '../../../../src/guest/found/this-host.ts';
import { OpenSockets, portOf } from '../../../support/host/open-sockets.ts';
import { QemuLookAlike } from '../../../support/host/qemu-look-alike.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

const OWN = process.getuid?.() ?? 0;
/** Higher than any process id that the kernel gives. */
const NO_PID = 2 ** 22 + 1;

describe('what is seen of this host', () => {
  const scratch = useScratchDirectory();
  let look: HostLook;

  // It has its time from then on.
  beforeEach(() => {
    look = lookAtThisHost();
  });

  it('are its processes, each with what the kernel says of it', () => {
    expect(look.processes()).to.include(process.pid);
    expect(look.isIncomplete).to.equal(false);
    expect(look.executable(process.pid)).to.equal(readlinkSync('/proc/self/exe'));
    expect(look.words(process.pid)?.length).to.be.greaterThan(1);
    expect(look.user(process.pid)).to.equal(OWN);
    expect(look.userName(OWN)).to.equal(userInfo().username);
    expect(look.userName(4_000_000_000)).to.equal(null);
    expect(look.text(process.pid, 'status')).to.match(/^Name:\t/);
    expect(look.namespace('self', 'net')).to.equal(readlinkSync('/proc/self/ns/net'));
    expect(look.usesKvm(process.pid)).to.equal(false);
    expect(look.isOwnUser(OWN)).to.equal(true);
    expect(look.isOwnUser(OWN + 1)).to.equal(false);
  });

  it('is nothing of a process that is gone', () => {
    expect(look.executable(NO_PID)).to.equal(undefined);
    expect(look.words(NO_PID)).to.equal(undefined);
    expect(look.user(NO_PID)).to.equal(undefined);
    expect(look.text(NO_PID, 'cgroup')).to.equal('');
    expect(look.namespace(NO_PID, 'net')).to.equal('');
    expect(look.usesKvm(NO_PID)).to.equal(undefined);
    expect([...look.sockets(NO_PID)]).to.deep.equal([]);
    expect(look.tcpSockets(NO_PID)).to.deep.equal([]);
    expect(look.configuration(NO_PID, OWN, '/etc/passwd')).to.equal(undefined);
  });

  it('are its sockets, whose they are, and where they lie', async () => {
    const path = scratch('seen.sock');
    await using open = new OpenSockets();
    const server = await open.listen(path);
    const port = portOf(await open.listen({ port: 0, host: '127.0.0.1' }));
    await using qemu = await QemuLookAlike.start(scratch('qemu-of-a-test'), { sockets: [server], cwd: scratch('.') });
    const row = look.unixSockets('self').find((each) => each.path === path);
    const inode = row?.inode ?? 0;
    expect(row).to.deep.equal({ inode, isListening: true, path });
    expect(look.sockets(qemu.pid).get(inode)).to.equal(3);
    expect(look.holder([inode])).to.be.oneOf([qemu.pid, process.pid]);
    expect(look.holder([])).to.equal(undefined);
    expect(look.tcpSockets('self').filter((each) => each.port === port)).to.have.lengthOf(1);
    const { dev, ino } = statSync(path);
    expect(look.socketAt(path)).to.equal(`${dev}:${ino}`);
    expect(look.socketAt(`/proc/${qemu.pid}/root${path}`)).to.equal(`${dev}:${ino}`);
    expect(look.socketAt(`/proc/${qemu.pid}/cwd/seen.sock`)).to.equal(`${dev}:${ino}`);
    expect(look.socketAt(scratch('absent.sock'))).to.equal(undefined);
    expect(look.socketAt(`/proc/${qemu.pid}/root`), 'a folder').to.equal(undefined);
    expect(look.otherEnds()).to.equal(look.otherEnds());
  });

  it('are the other ends of its sockets, where a program tells them', async function () {
    if (spawnSync('ss', ['-V']).status !== 0) return this.skip();
    const path = scratch('pair.sock');
    await using open = new OpenSockets();
    await open.connect(await open.listen(path));
    const accepted = look.unixSockets('self').find((each) => each.path === path && !each.isListening);
    const ends = look.otherEnds();
    const other = ends.get(accepted?.inode ?? 0) ?? 0;
    expect(ends.get(other)).to.equal(accepted?.inode);
    expect(look.sockets(process.pid).has(other)).to.equal(true);
  });

  it('are files of its processes and of its libvirt', () => {
    writeFileSync(scratch('vm.cfg'), 'text é', { mode: 0o600 });
    expect(look.configuration(process.pid, OWN, scratch('vm.cfg'))).to.equal('text é');
    expect(look.configuration(process.pid, OWN, relative(process.cwd(), scratch('vm.cfg')))).to.equal('text é');
    writeFileSync(scratch('vm.pid'), Buffer.of(0x31, 0xe9));
    expect(look.record(scratch('vm.pid'))).to.equal('1é');
    expect(look.record(scratch('absent.pid'))).to.equal(undefined);
    expect(look.record(scratch('vm.pid/below'))).to.equal(undefined);
  });

  it('is how things are reached from here', () => {
    expect(look.endpoint({ kind: 'unix', path: '/run/a,b' })).to.equal('unix:/run/a,,b');
    expect(look.endpoint({ kind: 'tcp', host: '::1', port: 1 })).to.equal('tcp:[::1]:1');
  });
});
