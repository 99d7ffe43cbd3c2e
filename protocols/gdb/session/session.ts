import { type Connection, nowMs, printableText, type TraceSink, timerMs } from '../../transport/internal.ts';
import { GdbClosedError, GdbError, GdbProtocolError, GdbStateError, GdbTimeoutError } from '../errors.ts';
import { PacketDecoder, type PacketDefect } from '../packets/packet-decoder.ts';
import { MAX_REQUEST_CHARS } from '../packets/packet-encoder.ts';
import { replyText } from '../packets/reply.ts';
import type { GdbRequest } from '../packets/request.ts';
import { decodeStopReply, isStopReply, type StopReply } from '../packets/stop-reply.ts';
import { type RequestGroup, RequestPipeline } from './request-pipeline.ts';

/** What went over the wire so far. @public */
export interface GdbStatistics {
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** How often something was sent while nothing was outstanding: the round trips that had to be waited for. */
  readonly flights: number;
}

/** @internal */
export interface SessionOptions {
  readonly maxOutstandingReplyBytes: number;
  /** How long an answer may take from the moment at which its request is the next to be answered. */
  readonly requestTimeoutMs: number;
  readonly trace: TraceSink | undefined;
}

/** `handshake` until the stub has proved to be one, `failed` after a fatal error. @public */
export type GdbState = 'handshake' | 'open' | 'failed' | 'closed';

const PLUS = Uint8Array.of(0x2b);
/** Tens of thousands of stop replies: no client resumes and pauses the guest as often while it answers one request. */
const MAX_UNASKED_BYTES = 1024 * 1024;
/** How much of a damaged packet, or of what is none, is shown. */
const EVIDENCE_BYTES = 4096;

/**
 * One connection to a stub: frames and sends requests, matches replies, watches the clock. It never sends an ack: the stub
 * needs none, and a byte that arrives while the guest runs would stop it.
 *
 * ```
 *   handshake ──► open ──► closed        (by close)
 *       └──────────┴─────► failed        (fatal error: everything pending is rejected with it)
 * ```
 *
 * @internal
 */
export class GdbSession {
  readonly endpoint: string;
  readonly #connection: Connection;
  readonly #options: SessionOptions;
  readonly #pipeline: RequestPipeline;
  readonly #decoder: PacketDecoder;
  readonly #stopListeners = new Set<(stop: StopReply) => void>();
  readonly #stats = { packetsSent: 0, packetsReceived: 0, bytesSent: 0, bytesReceived: 0, flights: 0 };
  #state: GdbState = 'handshake';
  #failure: GdbError | undefined;
  #limitChars = MAX_REQUEST_CHARS;
  #chunk: Uint8Array = new Uint8Array(0);
  #flushScheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #lastProgressMs = 0;
  #stopSeen = false;
  #resendsLeft = 1;
  /** What has come since the last answer and belongs to none: acks and stop replies. */
  #unaskedBytes = 0;

  constructor(connection: Connection, options: SessionOptions) {
    this.endpoint = connection.endpoint;
    this.#connection = connection;
    this.#options = options;
    this.#pipeline = new RequestPipeline(options.maxOutstandingReplyBytes);
    this.#decoder = new PacketDecoder({
      onPacket: (payload, wire) => this.#onPacket(payload, wire),
      onAck: () => this.#onAck(),
      onNak: () => this.#onNak(),
      onDefect: (defect, wire) => this.#onDefect(defect, wire),
      onGarbage: (bytes) => this.#onGarbage(bytes),
    });
    const { stream } = connection;
    stream.on('data', this.#onData);
    stream.on('error', this.#onError);
    stream.on('end', this.#onEnd);
    stream.on('close', this.#onEnd);
  }

  get state(): GdbState {
    return this.#state;
  }

  get stats(): GdbStatistics {
    return { ...this.#stats };
  }

  /** Ends the handshake. @param packetSizeBytes - what the stub takes, its end mark included. */
  open(packetSizeBytes: number): void {
    this.#limitChars = Math.min(MAX_REQUEST_CHARS, packetSizeBytes - 1);
    if (this.#state === 'handshake') this.#state = 'open';
  }

  onStop(listener: (stop: StopReply) => void): () => void {
    this.#stopListeners.add(listener);
    return () => this.#stopListeners.delete(listener);
  }

  /**
   * Sends a request and gives its result. Requests made in one turn of the event loop leave in one write.
   *
   * @throws GdbError of any kind.
   */
  send<Result>(request: GdbRequest<Result>): Promise<Result> {
    return this.#enqueue([request]) as Promise<Result>;
  }

  /** Sends requests that keep their results themselves; done when all are, rejected with the first that is refused. */
  async sendAll(requests: readonly GdbRequest<void>[]): Promise<void> {
    if (requests.length > 0) await this.#enqueue(requests);
  }

  /**
   * Sends the one byte that stops a running guest, if a resume request is being waited for; otherwise does nothing.
   *
   * @returns whether it was sent: a request before the resume request may not have been answered yet
   */
  interrupt(): boolean {
    if (this.#pipeline.head?.request.awaitsStop !== true) return false;
    this.#stats.bytesSent++;
    this.#trace('->', '\x03');
    this.#connection.stream.write('\x03', 'latin1');
    return true;
  }

  /** Ends the session with an error, as when a reply is missing. */
  fail(error: GdbError): void {
    this.#end('failed', error);
  }

  /** Closes the connection, and sends nothing: a detach packet would resume the guest, whatever it did before. */
  async close(): Promise<void> {
    this.#end('closed', new GdbClosedError('was closed by this client', '', { endpoint: this.endpoint }));
    await this.#connection.close();
  }

  get #isOver(): boolean {
    return this.#state === 'failed' || this.#state === 'closed';
  }

  #enqueue(requests: readonly GdbRequest<unknown>[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) {
        const details = { endpoint: this.endpoint, cause: this.#failure };
        throw new GdbStateError(requests[0]?.payload ?? '', this.#state, details);
      }
      const group = { remaining: requests.length, result: undefined, error: undefined, resolve, reject };
      this.#pipeline.add(requests, group, this.#limitChars);
      this.#scheduleFlush();
    });
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    // The tick queue comes after all microtasks: so whatever the settled promises of this turn lead to leaves in one write.
    queueMicrotask(() => process.nextTick(this.#flush));
  }

  readonly #flush = (): void => {
    this.#flushScheduled = false;
    if (this.#isOver) return;
    const idle = this.#pipeline.outstandingCount === 0;
    const sendable = this.#pipeline.takeSendable();
    if (sendable.length === 0) return;
    if (idle) {
      this.#stats.flights++;
      this.#stopSeen = false;
      this.#lastProgressMs = nowMs();
    }
    let text = '';
    for (const { wire } of sendable) {
      text += wire;
      this.#trace('->', wire);
    }
    this.#stats.packetsSent += sendable.length;
    this.#stats.bytesSent += text.length;
    // First the clock: on a stream within one process the answers may come during the write.
    this.#watch();
    this.#connection.stream.write(text, 'latin1');
  };

  readonly #onData = (chunk: Uint8Array): void => {
    if (this.#isOver) return;
    this.#chunk = chunk;
    this.#stats.bytesReceived += chunk.length;
    this.#decoder.push(chunk);
    for (const group of this.#pipeline.takeSettled()) settle(group);
    if (this.#pipeline.outstandingCount === 0) this.#unwatch();
    this.#scheduleFlush();
  };

  #onPacket(payload: Uint8Array, wire: Uint8Array): void {
    if (this.#isOver) return;
    this.#stats.packetsReceived++;
    if (this.#options.trace !== undefined) this.#trace('<-', replyText(wire));
    if (isStopReply(payload)) this.#onStopReply(payload, wire);
    else if (this.#pipeline.head === undefined) this.#fatal('a packet that nothing had asked for', wire);
    else this.#deliver(payload);
  }

  #onAck(): void {
    if (this.#isOver) return;
    this.#trace('<-', '+');
    this.#countUnasked(PLUS);
  }

  /** A peer that talks and never answers is not waited for until the time is up. */
  #countUnasked(wire: Uint8Array): void {
    if (this.#pipeline.outstandingCount === 0) return;
    this.#unaskedBytes += wire.length;
    if (this.#unaskedBytes > MAX_UNASKED_BYTES) {
      this.#fatal(`more than ${MAX_UNASKED_BYTES} bytes of acks and stop replies, and no answer`, wire);
    }
  }

  #onStopReply(payload: Uint8Array, wire: Uint8Array): void {
    this.#countUnasked(wire);
    const stop = this.#guard(() => decodeStopReply(payload, this));
    if (stop === undefined) return;
    this.#stopSeen = true;
    if (stop.kind === 'stopped' && this.#pipeline.head?.request.awaitsStop === true) this.#deliver(payload);
    for (const listener of this.#stopListeners) callListener(listener, stop);
    if (stop.kind === 'exited') {
      const reason = `QEMU reported that it exits (${printableText(stop.text)})`;
      this.fail(new GdbClosedError('ended', reason, { endpoint: this.endpoint }));
    }
  }

  #deliver(payload: Uint8Array): void {
    const { head } = this.#pipeline;
    try {
      this.#pipeline.deliver(payload, this);
    } catch (reason) {
      if (reason instanceof GdbProtocolError) this.fail(reason);
      else if (head !== undefined) head.group.error ??= { reason };
    }
    // One packet of an answer that has several is no progress: there may be no end of them.
    if (this.#pipeline.head === head) return;
    this.#lastProgressMs = nowMs();
    this.#unaskedBytes = 0;
  }

  /** Runs a decoder whose failure is fatal. */
  #guard<Result>(decode: () => Result): Result | undefined {
    try {
      return decode();
    } catch (error) {
      this.fail(
        error instanceof GdbError ? error : new GdbError(String(error), { endpoint: this.endpoint, cause: error }),
      );
      return undefined;
    }
  }

  /**
   * A client before us may have left half a packet in the stub, whose parser outlives connections: our first packet becomes
   * the rest of it and is refused. After that a nak means that a byte was lost, on a stream that loses none: the guest was
   * running, and that byte stopped it.
   */
  #onNak(): void {
    if (this.#isOver) return;
    this.#trace('<-', '-');
    const head = this.#pipeline.head;
    if (this.#state === 'handshake' && head === undefined) return;
    if (this.#state === 'handshake' && head !== undefined && this.#resendsLeft-- > 0) {
      this.#trace('->', head.wire);
      this.#stats.packetsSent++;
      this.#stats.bytesSent += head.wire.length;
      this.#connection.stream.write(head.wire, 'latin1');
      return;
    }
    this.#fatal('the stub refused a packet as damaged; another client may have resumed the guest', this.#chunk);
  }

  #onDefect(defect: PacketDefect, wire: Uint8Array): void {
    if (this.#isOver) return;
    this.#trace('<-', replyText(wire.subarray(0, EVIDENCE_BYTES)));
    this.#fatal(`a damaged packet (${defect})`, wire);
  }

  #onGarbage(bytes: Uint8Array): void {
    if (this.#isOver) return;
    const offset = Math.max(0, this.#chunk.buffer === bytes.buffer ? bytes.byteOffset - this.#chunk.byteOffset : 0);
    const context = this.#chunk.subarray(offset, offset + EVIDENCE_BYTES);
    this.#trace('<-', replyText(context));
    this.#fatal(describeStranger(replyText(context)), context);
  }

  #fatal(problem: string, received: Uint8Array): void {
    if (this.#isOver) return;
    this.fail(new GdbProtocolError(problem, received, { endpoint: this.endpoint }));
  }

  readonly #onError = (cause: unknown): void => {
    const reason = this.#connection.explainEnd() || (cause instanceof Error ? cause.message : String(cause));
    this.fail(new GdbClosedError('broke (perhaps as QEMU exited)', reason, { endpoint: this.endpoint, cause }));
  };

  readonly #onEnd = (): void => {
    const explained = this.#connection.explainEnd();
    const reason = explained || 'QEMU exited, or closed its stub, or cut this client off';
    this.fail(new GdbClosedError('ended', reason, { endpoint: this.endpoint }));
  };

  #end(state: 'failed' | 'closed', error: GdbError): void {
    if (this.#isOver) {
      if (state === 'closed') this.#state = state;
      return;
    }
    this.#state = state;
    this.#failure = error;
    this.#unwatch();
    for (const group of this.#pipeline.clear()) group.reject(error);
  }

  /** How long the next reply may take; 0: for ever. */
  get #timeoutMs(): number {
    return this.#pipeline.head?.request.timeoutMs ?? this.#options.requestTimeoutMs;
  }

  /**
   * One clock for all that is outstanding: replies come in order, so silence concerns the first of them. Where that may take for ever
   * the timer finds it out.
   */
  #watch(): void {
    this.#timer ??= setTimeout(this.#onTimer, timerMs(this.#timeoutMs));
  }

  #unwatch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #onTimer = (): void => {
    // Timers come before sockets in a turn of the event loop: if this process was suspended for a while, the reply may be
    // there unread. Look again after the sockets had their turn.
    const fired = this.#timer;
    setImmediate(() => {
      if (this.#timer !== fired) return;
      this.#timer = undefined;
      const request = this.#pipeline.head?.request;
      if (request === undefined) return;
      const timeoutMs = this.#timeoutMs;
      if (timeoutMs === 0) return;
      const restMs = timeoutMs - (nowMs() - this.#lastProgressMs);
      if (restMs > 0) {
        this.#timer = setTimeout(this.#onTimer, timerMs(restMs));
        return;
      }
      this.fail(new GdbTimeoutError(request.payload, timeoutMs, this.#stopSeen, { endpoint: this.endpoint }));
    });
  };

  #trace(direction: '->' | '<-', text: string): void {
    this.#options.trace?.({ channel: 'gdb', direction, text });
  }
}

/** A listener that throws is a bug of its owner, which must not unwind the decoder. */
function callListener(listener: (stop: StopReply) => void, stop: StopReply): void {
  try {
    listener(stop);
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}

function settle(group: RequestGroup): void {
  if (group.error === undefined) group.resolve(group.result);
  else group.reject(group.error.reason);
}

/** Says what is at the other end instead of a stub, where its first words give it away. */
function describeStranger(text: string): string {
  if (/^\{\s*"QMP"/.test(text)) return 'this is a QMP monitor, not a GDB stub; give it as the QMP endpoint';
  if (/QEMU [\d.]{1,16} monitor|\(qemu\)/.test(text)) return "this is QEMU's human monitor, not a GDB stub";
  if (text.startsWith('HTTP/')) return 'this is an HTTP server, not a GDB stub';
  if (text.startsWith('SSH-')) return 'this is an SSH server, not a GDB stub';
  if (text.startsWith('RFB ')) return 'this is a VNC server, not a GDB stub';
  return 'this is not the GDB remote protocol';
}
