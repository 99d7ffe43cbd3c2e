import { type Duplex, duplexPair } from 'node:stream';
import split2 from 'split2';
import type { Connection } from '../../../protocols/transport/index.ts';

/** What QEMU 7.2 says first. */
export const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}';

/** A request as the server saw it. */
export interface SeenRequest {
  readonly execute: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly id: number;
}

/**
 * The other end of a connection that never leaves the process. It says exactly what the test says; only
 * `qmp_capabilities` it answers by itself.
 */
export class FakeQmpServer {
  /** For the client under test. */
  readonly connection: Connection;
  readonly requests: SeenRequest[] = [];
  readonly #stream: Duplex;
  #waiting: (() => void) | undefined;
  /** What the connection answers when asked why it ended. */
  explanation = '';
  /** Whether it answers qmp_capabilities. */
  negotiates = true;
  closeCalls = 0;

  constructor() {
    const [client, server] = duplexPair();
    this.#stream = server;
    client.on('error', () => {});
    server.on('error', () => {});
    this.connection = {
      endpoint: 'unix:/run/fake.qmp',
      stream: client,
      explainEnd: () => this.explanation,
      close: async () => {
        this.closeCalls++;
        client.destroy();
      },
    };
    server.pipe(split2()).on('data', (line: string) => this.#onRequest(JSON.parse(line)));
  }

  /** Says something, with or without sense; the line end is up to the caller. */
  say(text: string | Uint8Array): void {
    this.#stream.write(text);
  }

  /** Says one message as QEMU does. */
  sayLine(text: string): void {
    this.say(`${text}\r\n`);
  }

  /** Answers a request. */
  reply(request: SeenRequest, value: unknown): void {
    this.sayLine(JSON.stringify({ return: value, id: request.id }));
  }

  /** Waits until this many requests have come, `qmp_capabilities` not counted. */
  async received(count: number): Promise<readonly SeenRequest[]> {
    while (this.requests.length < count) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    return this.requests;
  }

  /** Hangs up after what was said before has gone out. */
  hangUp(): void {
    this.#stream.end();
  }

  #onRequest(request: SeenRequest): void {
    if (request.execute === 'qmp_capabilities') {
      if (this.negotiates) this.reply(request, {});
      return;
    }
    this.requests.push(request);
    this.#waiting?.();
  }
}
