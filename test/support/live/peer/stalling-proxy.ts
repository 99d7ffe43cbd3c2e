import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A socket in front of another one that can hold back what the far side answers: it makes a moment in the middle of a
 * conversation last as long as a test needs it to.
 */
export class StallingProxy implements AsyncDisposable {
  readonly endpoint: string;
  readonly #server: Server;
  readonly #directory: string;
  readonly #sockets = new Set<Socket>();
  readonly #held: (() => void)[] = [];
  readonly #waiters: { readonly pattern: RegExp; readonly arrived: () => void; readonly isAlone: boolean }[] = [];
  readonly #stalled = new Set<Socket>();
  #stalling = false;

  private constructor(server: Server, directory: string, path: string) {
    this.#server = server;
    this.#directory = directory;
    this.endpoint = `unix:${path}`;
  }

  /** @param target - `unix:` endpoint of the far side */
  static async before(target: string): Promise<StallingProxy> {
    const directory = await mkdtemp(join(tmpdir(), 'pagewalk-proxy-'));
    const path = join(directory, 'socket');
    const server = createServer();
    const proxy = new StallingProxy(server, directory, path);
    server.on('connection', (near) => proxy.#join(near, connect(target.slice('unix:'.length))));
    server.listen(path);
    await once(server, 'listening');
    return proxy;
  }

  /** Holds every answer back from the moment on at which the client sends something that matches, and resolves then. */
  stallAt(pattern: RegExp): Promise<void> {
    return new Promise((arrived) => {
      this.#waiters.push({ pattern, arrived, isAlone: false });
    });
  }

  /** The same, but only for the connection that sends it: later ones are answered. */
  stallOneAt(pattern: RegExp): Promise<void> {
    return new Promise((arrived) => {
      this.#waiters.push({ pattern, arrived, isAlone: true });
    });
  }

  /** Holds every answer back from now on, the end of the connection too. */
  stall(): void {
    this.#stalling = true;
  }

  /** Lets what was held back through, and all that follows. */
  flow(): void {
    this.#stalling = false;
    this.#stalled.clear();
    for (const release of this.#held.splice(0)) release();
  }

  /** Breaks every connection; new ones are taken. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
    await rm(this.#directory, { recursive: true });
  }

  #join(near: Socket, far: Socket): void {
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
    }
    near.on('data', (bytes) => {
      this.#look(bytes.toString('latin1'), near);
      far.write(bytes);
    });
    far.on('data', (bytes) => this.#pass(near, () => near.write(bytes)));
    near.on('close', () => far.destroy());
    far.on('close', () => this.#pass(near, () => near.destroy()));
  }

  #look(sent: string, near: Socket): void {
    const at = this.#waiters.findIndex(({ pattern }) => pattern.test(sent));
    const [waiter] = at < 0 ? [] : this.#waiters.splice(at, 1);
    if (waiter === undefined) return;
    if (waiter.isAlone) this.#stalled.add(near);
    else this.stall();
    waiter.arrived();
  }

  #pass(near: Socket, deliver: () => void): void {
    if (this.#stalling || this.#stalled.has(near)) this.#held.push(deliver);
    else deliver();
  }
}
