import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { TortureError } from '../../torture-error.ts';

const TIMEOUT_MS = 30_000;

interface Message {
  readonly event?: string;
  readonly return?: unknown;
  readonly error?: { readonly desc?: string };
}

/**
 * The least QMP there can be: one command at a time, events kept by name. What judges pagewalk uses none of its code.
 */
export class RawMonitor implements AsyncDisposable {
  readonly events: string[] = [];
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  static async open(path: string): Promise<RawMonitor> {
    const socket = connect(path);
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new TortureError(`${path} said nothing for ${TIMEOUT_MS} ms`)));
    await once(socket, 'connect');
    const monitor = new RawMonitor(socket);
    await monitor.#next();
    await monitor.execute('qmp_capabilities');
    return monitor;
  }

  /** @throws TortureError with QEMU's description */
  async execute(command: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    this.#socket.setTimeout(TIMEOUT_MS);
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: parameters })}\n`);
    for (;;) {
      const message = await this.#next();
      if (message.event !== undefined) this.events.push(message.event);
      if (message.error !== undefined) throw new TortureError(`${command}: ${message.error.desc}`);
      if ('return' in message) {
        this.#socket.setTimeout(0);
        return message.return;
      }
    }
  }

  async hmp(commandLine: string): Promise<string> {
    return String(await this.execute('human-monitor-command', { 'command-line': commandLine }));
  }

  async runState(): Promise<string> {
    return ((await this.execute('query-status')) as { status: string }).status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }

  async #next(): Promise<Message> {
    for (;;) {
      const end = this.#rest.indexOf('\n');
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return JSON.parse(line) as Message;
      }
      const { value, done } = await this.#chunks.next();
      if (done) throw new TortureError('QEMU closed its monitor');
      this.#rest += value.toString('utf8');
    }
  }
}
