import type { Server, Socket } from 'node:net';
import { expect } from 'chai';
import { findTcpPeer } from '../../../../src/guest/peer/find-tcp-peer.ts';
import { readIdentity } from '../../../../src/guest/peer/process-identity.ts';
import { OpenSockets } from '../../../support/host/open-sockets.ts';
import { QemuLookAlike } from '../../../support/host/qemu-look-alike.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

const ENDPOINT = 'tcp:localhost:4444';
const unknown = (cause: object) => ({ kind: 'unknown', cause });

function endsOf(client: Socket) {
  return {
    kind: 'tcp',
    local: { address: client.localAddress ?? '', port: client.localPort ?? 0 },
    remote: { address: client.remoteAddress ?? '', port: client.remotePort ?? 0 },
  } as const;
}

describe('the QEMU behind a TCP connection', () => {
  const scratch = useScratchDirectory();

  const listenAt = (open: OpenSockets, host: string): Promise<Server> => open.listen({ host, port: 0 });

  it('is the one that has the other end open', async () => {
    await using open = new OpenSockets();
    const server = await listenAt(open, '127.0.0.1');
    const { client, accepted } = await open.connect(server);
    await using qemu = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [server, accepted] });
    await using _other = await QemuLookAlike.start(scratch('other-qemu'), { sockets: [server] });
    expect(findTcpPeer(endsOf(client), ENDPOINT)).to.deep.equal({
      kind: 'process',
      pid: qemu.pid,
      uid: process.getuid?.(),
      identity: readIdentity(qemu.pid),
    });
    const { local, remote } = endsOf(client);
    const elsewhere = unknown({ code: 'not-on-this-host', endpoint: ENDPOINT });
    for (const ends of [
      { local, remote: { ...remote, address: '127.0.0.2' } },
      { local, remote: { ...remote, port: remote.port - 1 } },
      { local: { ...local, port: 1 }, remote },
      { local: { ...local, address: '::1' }, remote: { ...remote, address: '::1' } },
    ]) {
      expect(findTcpPeer({ kind: 'tcp', ...ends }, ENDPOINT)).to.deep.equal(elsewhere);
    }
  });

  it('is not known where no QEMU, or more than one has it', async () => {
    await using open = new OpenSockets();
    const { client, accepted } = await open.connect(await listenAt(open, '127.0.0.1'));
    expect(findTcpPeer(endsOf(client), ENDPOINT)).to.deep.equal(
      unknown({ code: 'no-qemu-seen', endpoint: ENDPOINT, isRoot: process.geteuid?.() === 0 }),
    );
    await using relay = await QemuLookAlike.start(scratch('relay'), { sockets: [accepted] });
    expect(findTcpPeer(endsOf(client), ENDPOINT)).to.deep.equal(
      unknown({ code: 'held-by-program', endpoint: ENDPOINT, program: 'relay', pid: relay.pid }),
    );
    await using _one = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [accepted] });
    await using _two = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [accepted] });
    expect(findTcpPeer(endsOf(client), ENDPOINT)).to.have.nested.property('cause.code', 'several-holders');
  });

  it('is not known where another user has made the connection', async function () {
    if (process.getuid?.() !== 0) return this.skip();
    await using open = new OpenSockets();
    const { client, accepted } = await open.connect(await listenAt(open, '127.0.0.1'));
    await using qemu = await QemuLookAlike.startAs(65_534, { sockets: [accepted] });
    expect(findTcpPeer(endsOf(client), ENDPOINT)).to.deep.equal(
      unknown({ code: 'foreign-connection', endpoint: ENDPOINT, pid: qemu.pid }),
    );
  });

  for (const [what, host] of [
    ['of version 6', '::1'],
    ['of both versions', '::ffff:127.0.0.1'],
  ] as const) {
    it(`is found by addresses ${what}`, async function () {
      await using open = new OpenSockets();
      const server = await listenAt(open, host).catch(() => undefined);
      // A kernel without IPv6.
      if (server === undefined) return this.skip();
      const { client, accepted } = await open.connect(server);
      await using qemu = await QemuLookAlike.start(scratch('my-qemu'), { sockets: [accepted] });
      expect(findTcpPeer(endsOf(client), ENDPOINT)).to.include({ kind: 'process', pid: qemu.pid });
    });
  }
});
