import { expect } from 'chai';
import { findHandedPeer } from '../../../../src/guest/peer/find-handed-peer.ts';
import { readIdentity } from '../../../../src/guest/peer/process-identity.ts';
import { readUnixSockets } from '../../../../src/guest/peer/socket-tables.ts';
import { OpenSockets } from '../../../support/host/open-sockets.ts';
import { QemuLookAlike } from '../../../support/host/qemu-look-alike.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

const ENDPOINT = 'unix:/run/vm.qmp';

describe('the QEMU that was handed the end of a connection', () => {
  const scratch = useScratchDirectory();

  it('is the one that has it open', async () => {
    await using open = new OpenSockets();
    const server = await open.listen(scratch('pair'));
    const { accepted } = await open.connect(server);
    const inode = readUnixSockets('self')?.find(
      ({ path, isListening }) => path === scratch('pair') && !isListening,
    )?.inode;
    const unseen = {
      kind: 'unknown',
      cause: { code: 'no-qemu-seen', endpoint: ENDPOINT, isRoot: process.geteuid?.() === 0 },
    };
    expect(findHandedPeer(inode ?? 0, ENDPOINT)).to.deep.equal(unseen);
    expect(findHandedPeer(0, ENDPOINT)).to.deep.equal(unseen);
    await using qemu = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [accepted] });
    expect(findHandedPeer(inode ?? 0, ENDPOINT)).to.deep.equal({
      kind: 'process',
      pid: qemu.pid,
      uid: process.getuid?.(),
      identity: readIdentity(qemu.pid),
    });
  });

  it('may be closed to its own user where root looks', async function () {
    if (process.getuid?.() !== 0) return this.skip();
    await using open = new OpenSockets();
    const server = await open.listen(scratch('closed'));
    const { accepted } = await open.connect(server);
    const inode = readUnixSockets('self')?.find(
      ({ path, isListening }) => path === scratch('closed') && !isListening,
    )?.inode;
    await using qemu = await QemuLookAlike.startAs(65_534, { isReadable: false, sockets: [accepted] });
    expect(findHandedPeer(inode ?? 0, ENDPOINT)).to.deep.equal({
      kind: 'process',
      pid: qemu.pid,
      uid: 65_534,
      identity: readIdentity(qemu.pid),
    });
  });
});
