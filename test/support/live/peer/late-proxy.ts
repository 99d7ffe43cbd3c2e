import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A socket in front of another one that takes connections at once, and passes them on when it is told to, with all that was sent: also
 * those whose client has left. So does a way that is slow.
 */
export class LateProxy implements AsyncDisposable {
  readonly endpoint: string;
  readonly #server: Server;
  readonly #directory: string;
  readonly #target: string;
  readonly #sockets = new Set<Socket>();
  readonly #waiting: (() => void)[] = [];
  #isHeld = false;

  private constructor(server: Server, directory: string, [path, target]: readonly [string, string]) {
    this.#server = server;
    this.#directory = directory;
    this.#target = target;
    this.endpoint = `unix:${path}`;
  }

  /** @param target - `unix:` endpoint of the far side */
  static async before(target: string): Promise<LateProxy> {
    const directory = await mkdtemp(join(tmpdir(), 'pagewalk-proxy-'));
    const path = join(directory, 'socket');
    const server = createServer({ allowHalfOpen: true });
    const proxy = new LateProxy(server, directory, [path, target.slice('unix:'.length)]);
    server.on('connection', (near) => proxy.#join(near));
    server.listen(path);
    await once(server, 'listening');
    return proxy;
  }

  /** Connections that come from now on wait until `arrive`. */
  hold(): void {
    this.#isHeld = true;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Passes those on that have come so far, in their order. */
  arrive(): void {
    for (const pass of this.#waiting.splice(0)) pass();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
    await rm(this.#directory, { recursive: true });
  }

  #join(near: Socket): void {
    this.#keep(near);
    // What is sent waits in the socket.
    if (this.#isHeld) this.#waiting.push(() => this.#pass(near));
    else this.#pass(near);
  }

  #pass(near: Socket): void {
    const far = connect({ path: this.#target, allowHalfOpen: true });
    this.#keep(far);
    near.pipe(far);
    far.pipe(near);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
