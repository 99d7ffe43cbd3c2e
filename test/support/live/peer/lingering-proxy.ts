import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A socket in front of another one that keeps its own connection open when a client leaves, until it is told to let go: as a tunnel
 * does whose end has not been heard of yet.
 */
export class LingeringProxy implements AsyncDisposable {
  readonly endpoint: string;
  readonly #server: Server;
  readonly #directory: string;
  readonly #near = new Set<Socket>();
  /** Those whose client has left. */
  readonly #orphans = new Set<Socket>();
  readonly #far = new Set<Socket>();
  #lingers = true;
  /** How many have come since it let go. */
  servedSince = 0;

  private constructor(server: Server, directory: string, path: string) {
    this.#server = server;
    this.#directory = directory;
    this.endpoint = `unix:${path}`;
  }

  /** @param target - `unix:` endpoint of the far side */
  static async before(target: string): Promise<LingeringProxy> {
    const directory = await mkdtemp(join(tmpdir(), 'pagewalk-proxy-'));
    const path = join(directory, 'socket');
    const server = createServer();
    const proxy = new LingeringProxy(server, directory, path);
    server.on('connection', (near) => proxy.#join(near, connect(target.slice('unix:'.length))));
    server.listen(path);
    await once(server, 'listening');
    return proxy;
  }

  /** Clients lose their connections; the far side does not hear of it. */
  breakOff(): void {
    for (const socket of this.#near) socket.destroy();
  }

  /** The far side hears of all who have left, in the order in which they came, and of those who leave from now on. */
  letGo(): void {
    this.#lingers = false;
    for (const socket of this.#orphans) socket.destroy();
  }

  get isIdle(): boolean {
    return this.#near.size === 0 && this.#far.size === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of [...this.#near, ...this.#far]) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
    await rm(this.#directory, { recursive: true });
  }

  #join(near: Socket, far: Socket): void {
    for (const [sockets, socket] of [
      [this.#near, near],
      [this.#far, far],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    if (!this.#lingers) this.servedSince += 1;
    near.on('data', (bytes) => far.write(bytes));
    far.on('data', (bytes) => near.write(bytes));
    near.on('close', () => {
      if (this.#lingers) this.#orphans.add(far);
      else far.destroy();
    });
    far.on('close', () => near.destroy());
  }
}
