import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type ListenOptions, type Server, type Socket } from 'node:net';

/** Both ends of a connection within this process. */
export interface SocketPair {
  readonly client: Socket;
  readonly accepted: Socket;
}

/** Sockets of this process, which are all closed in the end. */
export class OpenSockets implements AsyncDisposable {
  readonly #servers: Server[] = [];
  readonly #sockets: Socket[] = [];

  /** At a path, or at a port of the loopback address. */
  async listen(at: string | ListenOptions): Promise<Server> {
    const server = createServer();
    server.listen(at);
    await once(server, 'listening');
    this.#servers.push(server);
    return server;
  }

  async connect(server: Server): Promise<SocketPair> {
    const address = server.address();
    const client = connect(
      typeof address === 'string' ? { path: address } : { port: portOf(server), host: address?.address },
    );
    this.#sockets.push(client);
    const [[accepted]] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, once(client, 'connect')]);
    this.#sockets.push(accepted);
    return { client, accepted };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(
      this.#servers.map(async (server) => {
        server.close();
        await once(server, 'close');
      }),
    );
  }
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
