import type { Transform } from 'node:stream';
import split2 from 'split2';
import type { Connection, HandedDescriptor, TraceSink } from '../transport/internal.ts';
import { QmpProtocolError } from './errors.ts';
import { decodeMessage, type QmpMessage } from './message.ts';
import { type Frame, MAX_MESSAGE_CHARS, MessageFramer } from './message-framer.ts';
import { WholeLines } from './whole-lines.ts';

/** What a channel tells its owner. @internal */
export interface ChannelEvents {
  /** A message came. */
  onMessage(message: QmpMessage, text: string): void;
  /** The channel is over. Called once. With an error if the peer stopped speaking QMP, without one if the stream ended. */
  onEnd(error: QmpProtocolError | undefined): void;
}

/** Evidence for the case that this is not QMP at all. Bytes. */
const HEAD_BYTES = 256;

/**
 * Messages over a connection: lines, frames, JSON, trace. It knows nothing of requests.
 *
 * @internal
 */
export class MessageChannel {
  readonly #connection: Connection;
  readonly #trace: TraceSink | undefined;
  readonly #events: ChannelEvents;
  readonly #framer = new MessageFramer();
  readonly #wholeLines = new WholeLines();
  readonly #lines: Transform;
  #head = '';
  #isOver = false;

  constructor(connection: Connection, trace: TraceSink | undefined, events: ChannelEvents) {
    this.#connection = connection;
    this.#trace = trace;
    this.#events = events;
    // No mapper: one that throws destroys the stream.
    this.#lines = split2('\n');
    this.#lines.on('data', (line: string) => this.#onLine(line));
    this.#lines.on('end', () => this.#end(undefined));
    connection.stream.on('data', (chunk) => this.#onData(asBuffer(chunk)));
    // However the stream ends, the lines that had arrived before are heard first.
    connection.stream.on('error', () => this.#lines.end());
    connection.stream.on('end', () => this.#lines.end());
    connection.stream.on('close', () => this.#lines.end());
  }

  /** The first bytes that came, byte for byte as characters; for messages. */
  get head(): string {
    return this.#head;
  }

  /** Sends one JSON text. QEMU wants no newline, but a relay in between may. */
  send(text: string, descriptor?: HandedDescriptor): void {
    this.#trace?.({ channel: 'qmp', direction: '->', text });
    if (descriptor === undefined) this.#connection.stream.write(`${text}\n`, 'utf8');
    else this.#connection.carrier?.send?.(text, descriptor);
  }

  #onData(chunk: Buffer): void {
    this.#keepHead(chunk);
    if (this.#isOver) return;
    const lines = this.#wholeLines.take(chunk);
    // Nothing waits in there: each line is heard as it is found.
    if (lines !== undefined) this.#lines.write(lines);
    if (this.#wholeLines.keptBytes > MAX_MESSAGE_CHARS) {
      this.#fail(`a line of at most ${MAX_MESSAGE_CHARS} bytes`, this.#head);
    }
  }

  #keepHead(chunk: Buffer): void {
    if (this.#head.length >= HEAD_BYTES) return;
    this.#head += chunk.toString('latin1', 0, HEAD_BYTES - this.#head.length);
    // A GDB stub or a banner without a line end would otherwise be noticed only when the time is up.
    if (!/^(?:\{|$)/.test(this.#head.trimStart())) this.#fail('a QMP greeting', this.#head);
  }

  #onLine(line: string): void {
    for (const frame of this.#framer.push(line)) {
      if (this.#isOver) return;
      this.#onFrame(frame);
    }
  }

  #onFrame(frame: Frame): void {
    this.#trace?.({ channel: 'qmp', direction: '<-', text: frame.text });
    if (frame.kind === 'garbage') {
      this.#fail(frame.expected, frame.text);
      return;
    }
    const message = tryDecode(frame.text);
    if (message === undefined) this.#fail('a JSON object', frame.text);
    else this.#events.onMessage(message, frame.text);
  }

  #fail(expected: string, received: string): void {
    const { endpoint } = this.#connection;
    const hint = describeStranger(this.#head);
    this.#end(new QmpProtocolError({ endpoint, expected, received: received.slice(0, HEAD_BYTES), hint }));
  }

  #end(error: QmpProtocolError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.onEnd(error);
  }
}

/** Says who else may be talking, to judge by the first bytes. */
function describeStranger(head: string): string {
  if (/^[+$]/.test(head)) {
    return 'this looks like a GDB stub, and connecting to one pauses a running guest: give the endpoint of a -qmp option instead, and resume the guest if it was running';
  }
  if (head.startsWith('QEMU ')) return 'this looks like a human monitor (-monitor); a -qmp socket is needed';
  return 'is this the socket of a -qmp option?';
}

function tryDecode(text: string): QmpMessage | undefined {
  try {
    return decodeMessage(text);
  } catch {
    return undefined;
  }
}

/** Node's streams give buffers; a stream of the caller's own may give any bytes. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
