import { once } from 'node:events';
import { linkSync, symlinkSync, unlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { identifySocket } from '../../../protocols/transport/internal.ts';
import { connectStub, PrivateDirectory, planPrivateDirectory } from '../../../src/guest/restore/private-directory.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

describe('the stub in the directory that QEMU and the client share', () => {
  const scratch = useScratchDirectory();
  let directory: PrivateDirectory;
  let endpoint: string;
  const servers: Server[] = [];
  let connections = 0;

  const listen = async (path: string): Promise<void> => {
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    }).listen(path);
    servers.push(server);
    await once(server, 'listening');
  };

  before(() => listen(scratch('elsewhere')));

  beforeEach(() => {
    connections = 0;
    directory = PrivateDirectory.make(planPrivateDirectory(), undefined);
    endpoint = `unix:${directory.pathOf('gdb')}`;
  });

  afterEach(() => directory.remove());

  after(() => {
    for (const server of servers) server.close();
  });

  for (const [kind, put] of [
    ['a link to', symlinkSync],
    ['a second name of', linkSync],
  ] as const) {
    it(`is not connected to where QEMU's user has put ${kind} another socket`, async () => {
      put(scratch('elsewhere'), directory.pathOf('gdb'));
      const error = await expectRejection(connectStub(endpoint, { directory: directory.plan }, 5000));
      expect(String(error)).to.contain('is not the socket that QEMU was asked to make');
      // A later connection would come after that one.
      await (await connectStub(`unix:${scratch('elsewhere')}`, { directory: directory.plan }, 5000)).close();
      expect(connections).to.equal(1);
    });
  }

  it('is connected to where it was made there', async () => {
    await listen(directory.pathOf('gdb'));
    await (await connectStub(endpoint, { directory: directory.plan }, 5000)).close();
    expect(connections).to.equal(1);
  });

  it('is connected to by its own name only while it is the same socket', async () => {
    const path = scratch('named');
    await listen(path);
    const { identity: stubFile } = identifySocket(path);
    await (await connectStub(`unix:${path}`, { stubFile }, 5000)).close();
    unlinkSync(path);
    symlinkSync(scratch('elsewhere'), path);
    const error = await expectRejection(connectStub(`unix:${path}`, { stubFile }, 5000));
    expect(String(error)).to.contain('is another socket than before');
    await (await connectStub(`unix:${path}`, {}, 5000)).close();
    expect(connections, 'and what lies there is, where nothing is known of it').to.equal(2);
  });
});
