import { setTimeout as delay } from 'node:timers/promises';
import split2 from 'split2';
import { type Connection, connect, duplexOf } from '../../../../protocols/transport/internal.ts';

const TIMEOUT_MS = 10_000;

interface Message {
  readonly event?: string;
  readonly return?: unknown;
  readonly error?: unknown;
}

/**
 * The least QMP there can be: one command at a time, events only counted. For tests that must not trust the client which they
 * are there to test.
 */
export class RawQmp implements AsyncDisposable {
  /** The names of the events that came before the last answer. */
  readonly events: string[] = [];
  readonly #connection: Connection;
  /** An iterator keeps what arrives before it is asked for; an event and a reply often come together. */
  readonly #lines: AsyncIterator<unknown>;

  private constructor(connection: Connection) {
    this.#connection = connection;
    this.#lines = duplexOf(connection).pipe(split2())[Symbol.asyncIterator]();
  }

  static async open(endpoint: string): Promise<RawQmp> {
    const qmp = new RawQmp(await connect(endpoint, { timeoutMs: TIMEOUT_MS }));
    await qmp.#nextMessage('the greeting');
    await qmp.execute('qmp_capabilities');
    return qmp;
  }

  /** The value of `return`. Throws QMP's own error object as text. */
  async execute(command: string, parameters: Record<string, unknown> = {}): Promise<unknown> {
    duplexOf(this.#connection).write(`${JSON.stringify({ execute: command, arguments: parameters })}\n`);
    for (;;) {
      const message = await this.#nextMessage(command);
      if (message.error !== undefined) throw new Error(`${command}: ${JSON.stringify(message.error)}`);
      if (message.event !== undefined) this.events.push(message.event);
      if ('return' in message) return message.return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }

  async #nextMessage(awaited: string): Promise<Message> {
    const timer = new AbortController();
    const timeout = delay(TIMEOUT_MS, undefined, { signal: timer.signal }).then(
      () => Promise.reject(new Error(`no answer to ${awaited} in ${TIMEOUT_MS} ms`)),
      () => undefined,
    );
    try {
      const next = await Promise.race([this.#lines.next(), timeout]);
      if (next === undefined || next.done === true) throw new Error(`QEMU hung up before it answered ${awaited}`);
      return JSON.parse(String(next.value)) as Message;
    } finally {
      timer.abort();
    }
  }
}
