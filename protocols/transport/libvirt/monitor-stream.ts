import { Duplex } from 'node:stream';
import type { HandedDescriptor } from '../connection.ts';
import { UNDELIVERED } from './undelivered.ts';

/** Sends one request to QEMU. @returns QEMU's reply, of one line @throws Error in words @internal */
export type SendRequest = (
  request: Readonly<Record<string, unknown>>,
  descriptor: HandedDescriptor | undefined,
) => Promise<string>;

/** libvirt numbers what it asks QEMU by itself, and shows these numbers: at the one end of a reply or at the other. */
const LEADING_ID = /^\{"id":"libvirt-\d{1,20}"(,?)/;
const TRAILING_ID = /,"id":"libvirt-\d{1,20}"\}$/;

/**
 * A stream that looks like QEMU's own monitor: lines of JSON in both directions, behind which each request goes its own way.
 *
 * @internal
 */
export class MonitorStream extends Duplex {
  readonly #sendRequest: SendRequest;
  #begun = '';
  #isFinished = false;

  constructor(sendRequest: SendRequest) {
    super({ allowHalfOpen: false, decodeStrings: false });
    this.#sendRequest = sendRequest;
  }

  /** A message from the other end. */
  deliver(text: string): void {
    if (!this.destroyed && !this.#isFinished) this.push(`${text}\n`);
  }

  /** The other end is gone. */
  finish(): void {
    if (this.destroyed || this.#isFinished) return;
    this.#isFinished = true;
    this.push(null);
  }

  /** Sends a request, and a descriptor with it. */
  request(text: string, descriptor?: HandedDescriptor): void {
    const { id, ...request } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    // libvirt has done that.
    if (request['execute'] === 'qmp_capabilities') {
      this.deliver(JSON.stringify({ return: {}, id }));
      return;
    }
    this.#sendRequest(request, descriptor).then(
      (reply) => this.deliver(withId(reply, id)),
      (error: Error) => this.deliver(refusal(error, id)),
    );
  }

  override _read(): void {}

  override _write(chunk: Buffer | string, _encoding: BufferEncoding, done: () => void): void {
    const lines = (this.#begun + chunk.toString()).split('\n');
    this.#begun = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.request(line);
    done();
  }
}

function withId(reply: string, id: unknown): string {
  const number = JSON.stringify(id);
  const leading = LEADING_ID.exec(reply);
  if (leading !== null) return `{"id":${number}${leading[1] ?? ''}${reply.slice(leading[0].length)}`;
  const trailing = TRAILING_ID.exec(reply.slice(-64));
  if (trailing === null) return reply;
  return `${reply.slice(0, reply.length - trailing[0].length)},"id":${number}}`;
}

function refusal(error: Error, id: unknown): string {
  return JSON.stringify({ id, error: { class: UNDELIVERED, desc: error.message } });
}
