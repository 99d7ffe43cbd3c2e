import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect } from 'chai';
import { exploreCommand } from '../../../../../src/cli/commands/explore/explore.ts';
import { PortError } from '../../../../../src/cli/errors.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';
import { quietContext } from '../../../../support/fakes/quiet-context.ts';

describe('cli/explore', () => {
  it('a port that is taken is told in words, before the guest is connected to', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    let connections = 0;
    const guest = createServer((socket) => {
      connections += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    try {
      await Promise.all([taken, guest].map((server) => server.listening || once(server, 'listening')));
      const portOf = (server: typeof taken): number => (server.address() as { port: number }).port;
      const words = ['--qmp', `tcp:127.0.0.1:${portOf(guest)}`, '--port', String(portOf(taken))];
      const error = await expectRejection(exploreCommand.run(words, quietContext()));
      expect(error).to.be.instanceOf(PortError);
      expect(error).to.include({ code: 'ERR_CLI_PORT', exitStatus: 2, port: portOf(taken) });
      expect(error.message).to.equal(
        `cannot listen on 127.0.0.1:${portOf(taken)}: another program listens there; give another --port, or none for a free one`,
      );
      expect(connections).to.equal(0);
    } finally {
      taken.close();
      guest.close();
    }
  });
});
