import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SpiedDirection, SpyReport, SpyVerdict } from './spied-message.ts';

/** Seen from dist/scripts/torture/libvirt, where this file runs. */
const PROGRAM = fileURLToPath(new URL('./virsh-spy-main.js', import.meta.url));

/** A line on its way. */
export interface Spied {
  readonly direction: SpiedDirection;
  /** Counted from 0 for each direction, over all that are started from one client. */
  readonly index: number;
  readonly text: string;
}

/** The processes of a virsh that a client has started. */
export interface SpiedVirsh {
  readonly pid: number;
  readonly hearsEvents: boolean;
}

/** What is done at a line. It may wait: what follows waits as well. */
export interface SpyTap {
  readonly before?: (message: Spied) => Promise<SpyVerdict | undefined>;
  readonly after?: (message: Spied) => void;
}

/**
 * Stands in the place of virsh in the PATH of a client: lets each message through, counts them, and lets a case do something at any
 * of them.
 */
export class VirshSpy implements AsyncDisposable {
  /** What goes first in the PATH of a client. */
  readonly folder: string;
  readonly counts: Record<SpiedDirection, number> = { up: 0, down: 0, event: 0 };
  virshs: readonly SpiedVirsh[] = [];
  tap: SpyTap = {};
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(folder: string, server: Server) {
    this.folder = folder;
    this.#server = server;
    server.on('connection', (socket) => this.#join(socket));
  }

  static async open(directory: string): Promise<VirshSpy> {
    const folder = join(directory, 'bin');
    mkdirSync(folder);
    const control = join(directory, 'spy');
    writeFileSync(join(folder, 'virsh'), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' '${control}' "$@"\n`);
    chmodSync(join(folder, 'virsh'), 0o755);
    const server = createServer();
    const spy = new VirshSpy(folder, server);
    server.listen(control);
    await once(server, 'listening');
    return spy;
  }

  /** Counts from 0 again; what of earlier clients is still there is not looked at any more. */
  reset(tap: SpyTap = {}): void {
    for (const socket of this.#sockets) socket.destroy();
    this.virshs = [];
    Object.assign(this.counts, { up: 0, down: 0, event: 0 });
    this.tap = tap;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(socket: Socket): void {
    this.#sockets.add(socket);
    let received = '';
    let last: Spied | undefined;
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (received + text).split('\n');
      received = lines.pop() ?? '';
      for (const line of lines) {
        const report = JSON.parse(line) as SpyReport;
        if ('virsh' in report) this.virshs = [...this.virshs, { pid: report.virsh, hearsEvents: report.hearsEvents }];
        else if ('passed' in report) last = this.#told(last);
        else {
          last = { ...report, index: this.counts[report.direction] };
          this.counts[report.direction] += 1;
          void this.#judge(last, socket);
        }
      }
    });
  }

  #told(message: Spied | undefined): undefined {
    if (message !== undefined) this.tap.after?.(message);
    return undefined;
  }

  async #judge(message: Spied, socket: Socket): Promise<void> {
    const verdict: SpyVerdict = (await this.tap.before?.(message)) ?? { text: `${message.text}\n` };
    if (!socket.destroyed) socket.write(`${JSON.stringify(verdict)}\n`);
  }
}
