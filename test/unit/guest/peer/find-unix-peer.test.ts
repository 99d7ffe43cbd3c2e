import { lchownSync, mkdirSync, renameSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:net';
import { expect } from 'chai';
import { holdSocketFile } from '../../../../protocols/transport/files/socket-file.ts';
import type { SocketFile } from '../../../../protocols/transport/index.ts';
import { findUnixPeer } from '../../../../src/guest/peer/find-unix-peer.ts';
import { readIdentity } from '../../../../src/guest/peer/process-identity.ts';
import { FakeClock } from '../../../support/host/fake-clock.ts';
import { OpenSockets } from '../../../support/host/open-sockets.ts';
import { QemuLookAlike } from '../../../support/host/qemu-look-alike.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

const OWN = process.getuid?.() ?? 0;
const OTHER = 65_534;
const unknown = (cause: object) => ({ kind: 'unknown', cause });

describe('the QEMU behind a unix socket', () => {
  const scratch = useScratchDirectory();
  let count = 0;

  /** A path that no other test has. */
  const fresh = (): string => {
    count += 1;
    return scratch(`vm${count}.qmp`);
  };

  function find(path: string, endpoint = `unix:${path}`, replaced: Partial<SocketFile> = {}) {
    const file = holdSocketFile(path);
    if (file === undefined) throw new Error('nothing is held here');
    try {
      const { device, inode, uid, path: held } = file;
      return findUnixPeer({ device, inode, uid, path: held, ...replaced }, endpoint);
    } finally {
      file.release();
    }
  }

  it('is the one that listens there and has accepted a connection', async () => {
    const [path, others] = [fresh(), fresh()];
    await using open = new OpenSockets();
    const server = await open.listen(path);
    const { accepted } = await open.connect(server);
    const other = await open.listen(others);
    const { accepted: elsewhere } = await open.connect(other);
    await using qemu = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [server, accepted] });
    await using _other = await QemuLookAlike.start(scratch('other-qemu'), { sockets: [other, elsewhere] });
    await using _none = await QemuLookAlike.start(scratch('other-qemu'));
    expect(find(path)).to.deep.equal({
      kind: 'process',
      pid: qemu.pid,
      uid: OWN,
      identity: readIdentity(qemu.pid),
    });
  });

  it('is none that only listens there', async () => {
    const path = fresh();
    await using open = new OpenSockets();
    const server = await open.listen(path);
    await using qemu = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [server] });
    expect(find(path)).to.deep.equal(unknown({ code: 'only-listens', endpoint: `unix:${path}`, pid: qemu.pid }));
  });

  it('is not known where several have it', async () => {
    const path = fresh();
    await using open = new OpenSockets();
    const server = await open.listen(path);
    await using one = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [server] });
    await using two = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [server] });
    const peer = find(path);
    expect(peer).to.deep.include({ kind: 'unknown' });
    expect(peer).to.have.nested.property('cause.code', 'several-holders');
    expect(peer).to.have.nested.property('cause.endpoint', `unix:${path}`);
    expect(peer).to.have.nested.property('cause.pids').with.members([one.pid, two.pid]);
  });

  it('is not known where another program has it, or none is seen', async () => {
    const path = fresh();
    await using open = new OpenSockets();
    const server = await open.listen(path);
    const isRoot = process.geteuid?.() === 0;
    expect(find(path)).to.deep.equal(unknown({ code: 'no-qemu-seen', endpoint: `unix:${path}`, isRoot }));
    await using relay = await QemuLookAlike.start(scratch('relay'), { sockets: [server] });
    for (const endpoint of [`unix:${path}`, path]) {
      expect(find(path, endpoint)).to.deep.equal(
        unknown({ code: 'held-by-program', endpoint, program: 'relay', pid: relay.pid }),
      );
    }
    expect(find(path, 'unix:/elsewhere')).to.have.nested.property('cause.code', 'no-qemu-seen');
  });

  it('is not known without the file, or by one that another than the kernel answers for', () => {
    expect(findUnixPeer(undefined, 'unix:/run/vm.qmp')).to.deep.equal(unknown({ code: 'no-socket-file' }));
    const file = { device: 1n, inode: 1n, uid: 0, path: '/proc/self/status' };
    expect(findUnixPeer(file, 'unix:/run/vm.qmp')).to.deep.equal(
      unknown({ code: 'untrusted-file-system', endpoint: 'unix:/run/vm.qmp' }),
    );
  });

  it('is not known where there are more processes than can be looked at in time', async () => {
    const path = fresh();
    await using open = new OpenSockets();
    await open.listen(path);
    using clock = new FakeClock();
    clock.stepMs = 1001;
    expect(find(path)).to.deep.equal(unknown({ code: 'too-many-processes' }));
  });

  it('is none whose socket is another file: device and inode count', async () => {
    const path = fresh();
    await using open = new OpenSockets();
    const server = await open.listen(path);
    const { accepted } = await open.connect(server);
    await using _qemu = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [server, accepted] });
    const code = (replaced: Partial<SocketFile>): string => {
      const peer = find(path, 'unix:/elsewhere', replaced);
      return peer.kind === 'unknown' ? peer.cause.code : peer.kind;
    };
    expect(code({})).to.equal('process');
    expect(code({ device: 0n })).to.equal('no-qemu-seen');
    expect(code({ inode: 1n })).to.equal('no-qemu-seen');
    expect(code({ uid: OWN + 1 }), 'bound by another user').to.equal('no-qemu-seen');
    expect(code({ uid: 0 }), 'bound by root').to.equal('process');
  });

  it('is not known while a socket of the same name is another process’s', async () => {
    const [path, aside] = [fresh(), fresh()];
    await using open = new OpenSockets();
    const server = await open.listen(path);
    const { accepted } = await open.connect(server);
    await using _qemu = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [server, accepted] });
    renameSync(path, aside);
    await open.listen(path);
    unlinkSync(path);
    renameSync(aside, path);
    expect(find(path)).to.deep.equal(unknown({ code: 'namesake', path }));
  });

  it('is told by its own working directory where others have bound the same relative name', async () => {
    const [one, two] = [scratch('one'), scratch('two')];
    await using open = new OpenSockets();
    const listenIn = async (folder: string): Promise<Server> => {
      mkdirSync(folder);
      const here = process.cwd();
      process.chdir(folder);
      const listening = open.listen('same.sock');
      process.chdir(here);
      return listening;
    };
    const [first, second] = [await listenIn(one), await listenIn(two)];
    const accept = async (server: Server, folder: string) => {
      const here = process.cwd();
      process.chdir(folder);
      const connecting = open.connect(server);
      process.chdir(here);
      return (await connecting).accepted;
    };
    const [ofFirst, ofSecond] = [await accept(first, one), await accept(second, two)];
    await using qemu = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [first, ofFirst], cwd: one });
    expect(find(`${one}/same.sock`), 'of the other one nothing is known').to.deep.equal(
      unknown({ code: 'namesake', path: 'same.sock' }),
    );
    {
      await using another = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [second, ofSecond], cwd: two });
      expect(find(`${one}/same.sock`)).to.include({ kind: 'process', pid: qemu.pid });
      expect(find(`${two}/same.sock`)).to.include({ kind: 'process', pid: another.pid });
    }
    await using _lost = await QemuLookAlike.start(scratch('my-qemu'), {
      sockets: [second, ofSecond],
      cwd: scratch('.'),
    });
    expect(find(`${one}/same.sock`), 'where its name leads nowhere').to.deep.equal(
      unknown({ code: 'namesake', path: 'same.sock' }),
    );
  });

  it('is none that has what root made for another, and none of another user', async function () {
    if (OWN !== 0) return this.skip();
    const path = fresh();
    await using open = new OpenSockets();
    const server = await open.listen(path);
    const { accepted } = await open.connect(server);
    {
      await using qemu = await QemuLookAlike.startAs(OTHER, { sockets: [server, accepted] });
      expect(find(path)).to.deep.equal(
        unknown({ code: 'foreign-connection', endpoint: `unix:${path}`, pid: qemu.pid }),
      );
    }
    lchownSync(path, OTHER, OTHER);
    await using qemu = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [server, accepted] });
    expect(find(path)).to.deep.equal(
      unknown({ code: 'qemu-of-another-user', endpoint: `unix:${path}`, pid: qemu.pid }),
    );
  });
});
