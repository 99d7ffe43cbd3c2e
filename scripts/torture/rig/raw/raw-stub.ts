import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { TortureError } from '../../torture-error.ts';
import { within } from '../patience.ts';

const TIMEOUT_MS = 5000;

/** A packet with its checksum. */
export function packet(payload: string): string {
  const sum = Buffer.from(payload, 'latin1').reduce((total, byte) => total + byte, 0) & 0xff;
  return `$${payload}#${sum.toString(16).padStart(2, '0')}`;
}

/**
 * The least client of a GDB stub: one packet at a time, no acks. The guest should be paused before it connects. Like gdb it sends a
 * packet again that the stub refuses: a client whose connection was cut may have left half of one in the stub's parser.
 */
export class RawStub implements AsyncDisposable {
  readonly #socket: Socket;
  #received = '';
  #ended = false;
  /** Half a packet that was left and the first of this client pass the checksum together once in 256 times: what is refused is both. */
  #isFirst = true;
  #arrived: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.#received += text;
      this.#arrived();
    });
    socket.on('close', () => {
      this.#ended = true;
      this.#arrived();
    });
    socket.on('error', () => {});
  }

  static async open(path: string): Promise<RawStub> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new RawStub(socket);
  }

  /**
   * The reply to a request.
   *
   * @param matches - which of the packets that come is the reply: QEMU up to 8.0 sends stop replies that were not asked for
   * @throws TortureError when there is none
   */
  async ask(payload: string, matches: (reply: string) => boolean = (reply) => !/^T/.test(reply)): Promise<string> {
    let mayBeBoth = this.#isFirst;
    this.#isFirst = false;
    this.#socket.write(packet(payload), 'latin1');
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      if (/^\+*-/.test(this.#received)) {
        this.#received = '';
        this.#socket.write(packet(payload), 'latin1');
      }
      const reply = this.#take();
      if (reply !== undefined && matches(reply)) return reply;
      if (reply !== undefined) {
        if (mayBeBoth && reply.startsWith('E')) {
          mayBeBoth = false;
          this.#socket.write(packet(payload), 'latin1');
        }
        continue;
      }
      const left = deadline - performance.now();
      if (this.#ended || left <= 0) {
        throw new TortureError(`the stub gave no reply to ${payload} (${this.#ended ? 'closed' : 'time is up'})`);
      }
      await within(this.#more(), left);
    }
  }

  /** Closes, and gives QEMU the moment that it needs to listen again. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await delay(20);
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#arrived = resolve;
    });
  }

  #take(): string | undefined {
    const found = /\$([^#]*)#[0-9a-f]{2}/.exec(this.#received);
    if (found === null) return undefined;
    this.#received = this.#received.slice(found.index + found[0].length);
    return found[1];
  }
}
