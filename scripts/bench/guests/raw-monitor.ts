import { type Connection, connect, duplexOf } from '../../../protocols/transport/internal.ts';
import { BenchError } from '../bench-error.ts';

const TIMEOUT_MS = 5000;

/**
 * QMP with nothing around it: one command at a time, no schemas, no framing but the end of a line. What pagewalk is measured
 * against must not be slowed down by pagewalk's own client.
 */
export class RawMonitor implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #chunks: AsyncIterator<Buffer>;

  private constructor(connection: Connection) {
    this.#connection = connection;
    this.#chunks = duplexOf(connection)[Symbol.asyncIterator]();
  }

  static async open(endpoint: string): Promise<RawMonitor> {
    const monitor = new RawMonitor(await connect(endpoint, { timeoutMs: TIMEOUT_MS }));
    await monitor.#nextMessage();
    await monitor.execute('qmp_capabilities');
    return monitor;
  }

  /** The value of `return`; events in between are dropped. */
  async execute(command: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    duplexOf(this.#connection).write(JSON.stringify({ execute: command, arguments: parameters }));
    for (;;) {
      for (const line of (await this.#nextMessage()).split('\n')) {
        if (line === '') continue;
        const message = JSON.parse(line) as { return?: unknown; error?: unknown };
        if (message.error !== undefined) throw new BenchError(`${command}: ${JSON.stringify(message.error)}`);
        if ('return' in message) return message.return;
      }
    }
  }

  async hmp(commandLine: string): Promise<string> {
    return (await this.execute('human-monitor-command', { 'command-line': commandLine })) as string;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }

  /** One message, or several that came together. */
  async #nextMessage(): Promise<string> {
    const chunks: Buffer[] = [];
    for (;;) {
      const { value, done } = await this.#chunks.next();
      if (done) throw new BenchError('QEMU closed its monitor');
      chunks.push(value);
      if (value.at(-1) === 0x0a) return Buffer.concat(chunks).toString();
    }
  }
}
