import { EventEmitter } from 'node:events';
import {
  type AbandonSignal,
  type Connection,
  connect,
  type Endpoint,
  type HandedDescriptor,
  nowMs,
  type TraceSink,
  timerMs,
  UNDELIVERED,
} from '../transport/internal.ts';
import { type HmpOptions, humanMonitorCommand } from './commands/human-monitor-command.ts';
import {
  QmpBusyError,
  QmpClosedError,
  QmpCommandError,
  type QmpError,
  QmpProtocolError,
  QmpTimeoutError,
  QmpTlsStallError,
  QmpUndeliveredError,
  type ShutdownNotice,
} from './errors.ts';
import type { ExecuteOptions, QmpExecutor } from './executor.ts';
import { formatQemuVersion, type Greeting, greetingSchema } from './greeting.ts';
import { encodeRequest, type QmpEvent, type QmpMessage } from './message.ts';
import { MessageChannel } from './message-channel.ts';
import { PendingRequests } from './pending-requests.ts';
import { checkReply } from './reply.ts';

/** How a client behaves. @public */
export interface QmpClientOptions {
  /** For connecting and the greeting together. 5000 unless given. */
  readonly timeoutMs?: number;
  /** For each request that does not bring its own. 5000 unless given. */
  readonly requestTimeoutMs?: number;
  /** Stops connecting when it fires. */
  readonly signal?: AbandonSignal;
  /** Receives every message of both directions. */
  readonly trace?: TraceSink;
}

/**
 * ```
 * greeting ──► negotiating ──► ready ──► closed
 *    └──────────────┴───────────────────────▲
 * ```
 *
 * @public
 */
export type QmpClientState = 'greeting' | 'negotiating' | 'ready' | 'closed';

/** Told of each event. What it throws is thrown again on the next tick. @public */
export type QmpEventListener = (event: QmpEvent) => void;

const DEFAULT_TIMEOUT_MS = 5000;
/** What a proxy may have kept; more is no proxy. */
const MAX_EARLY_EVENTS = 10_000;
/** How much of a wrong message is kept. */
const EVIDENCE_CHARS = 256;
/** Events that come while a reply is owed: a hundred thousand of them. */
const MAX_UNANSWERED_CHARS = 32 * 1024 * 1024;

/**
 * A conversation with QEMU's monitor.
 *
 * Several requests may be in flight; replies find their request by its number, events come in between. What cannot be
 * routed is decided in one table, in protocols/README.md.
 *
 * @example
 * ```ts
 * const qmp = await QmpClient.connect('unix:/run/vm.qmp');
 * const { running } = await queryStatus(qmp);
 * await qmp.close();
 * ```
 * @public
 */
export class QmpClient implements QmpExecutor {
  readonly #connection: Connection;
  readonly #channel: MessageChannel;
  readonly #requestTimeoutMs: number;
  readonly #pending = new PendingRequests();
  readonly #emitter = new EventEmitter<{ event: [QmpEvent]; closed: [QmpError] }>().setMaxListeners(0);
  readonly #greeted: Promise<unknown>;
  #settleGreeting: { resolve: (body: unknown) => void; reject: (error: Error) => void } | undefined;
  #greeting: Greeting | undefined;
  #state: QmpClientState = 'greeting';
  #shutdown: ShutdownNotice | undefined;
  #eventsBeforeGreeting = 0;
  /** What has come since the last reply, while one is owed. */
  #unansweredChars = 0;
  /** Settled with the last reply, where one request is sent at a time. */
  #lastReply: Promise<unknown> = Promise.resolve();
  /** Why it is over; what later calls are told. */
  #reason: QmpError | undefined;

  private constructor(connection: Connection, options: QmpClientOptions) {
    this.#connection = connection;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#greeted = new Promise((resolve, reject) => {
      this.#settleGreeting = { resolve, reject };
    });
    this.#channel = new MessageChannel(connection, options.trace, {
      onMessage: (message, text) => this.#onMessage(message, text),
      onEnd: (error) => this.#end(error ?? this.#closedError(this.#ending())),
    });
  }

  /**
   * Connects, waits for the greeting and leaves capabilities negotiation. A connection that is handed over belongs to the
   * client from then on, and is closed with it and on failure.
   *
   * @throws EndpointError, ConnectError (`ERR_TRANSPORT_…`) when there is no connection.
   * @throws QmpBusyError (`ERR_QMP_BUSY`) when nothing greets.
   * @throws QmpProtocolError (`ERR_QMP_PROTOCOL`) when something else than QMP answers.
   * @throws QmpClosedError (`ERR_QMP_CLOSED`) when the connection ends first.
   */
  static async connect(target: Connection | Endpoint | string, options: QmpClientOptions = {}): Promise<QmpClient> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    const deadline = nowMs() + timeoutMs;
    const isConnection = typeof target === 'object' && 'stream' in target;
    const connection = isConnection
      ? target
      : await connect(target, signal === undefined ? { timeoutMs } : { timeoutMs, signal });
    const client = new QmpClient(connection, options);
    const onAbort = (): void =>
      client.#end(client.#closedError('the attempt was abandoned', { cause: signal?.reason }));
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort);
    try {
      await client.#awaitGreeting(timeoutMs, deadline);
      await client.#negotiate(timeoutMs);
      client.#advance('ready');
      return client;
    } catch (error) {
      await client.close();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** The endpoint as text. */
  get endpoint(): string {
    return this.#connection.endpoint;
  }

  /** What carries the messages, for what the system knows of it; its bytes are this client's. */
  get connection(): Connection {
    return this.#connection;
  }

  get state(): QmpClientState {
    return this.#state;
  }

  /** QEMU's version and capabilities. */
  get greeting(): Greeting {
    if (this.#greeting === undefined) throw this.#closedError('it has not been greeted yet');
    return this.#greeting;
  }

  /**
   * Executes one command.
   *
   * @throws QmpCommandError (`ERR_QMP_COMMAND`) when QEMU refuses.
   * @throws QmpReplyError (`ERR_QMP_REPLY`) when the reply is not of the shape `schema`.
   * @throws QmpTimeoutError (`ERR_QMP_TIMEOUT`) when there is no reply in time; QmpUndeliveredError (`ERR_QMP_UNDELIVERED`) when
   * libvirt has none of QEMU's; the connection stays usable.
   * @throws QmpClosedError, QmpProtocolError when the connection ends or has ended.
   */
  async execute<T = unknown>(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    options: ExecuteOptions<T> = {},
  ): Promise<T> {
    if (this.#state !== 'ready') throw this.#refusal(command);
    const reply = await this.#request(command, args, options.timeoutMs ?? this.#requestTimeoutMs, options.descriptor);
    return options.schema === undefined ? (reply as T) : checkReply(this.endpoint, command, reply, options.schema);
  }

  /**
   * Runs a command line of the human monitor and returns what it printed, with plain `\n` line ends.
   *
   * @throws QmpHmpError (`ERR_QMP_HMP`) when the monitor did not understand the line.
   * @throws the errors of {@link QmpClient.execute}.
   */
  hmp(commandLine: string, options: HmpOptions = {}): Promise<string> {
    return humanMonitorCommand(this, commandLine, options);
  }

  /** Subscribes to all events; returns the way out. */
  onEvent(listener: QmpEventListener): () => void {
    const guarded = (event: QmpEvent): void => rethrowLater(() => listener(event));
    this.#emitter.on('event', guarded);
    return () => void this.#emitter.off('event', guarded);
  }

  /**
   * Subscribes to the end of the connection. The listener is called once, and soon if it is over already.
   */
  onClosed(listener: (reason: QmpError) => void): () => void {
    const guarded = (reason: QmpError): void => rethrowLater(() => listener(reason));
    const reason = this.#reason;
    if (reason === undefined) this.#emitter.once('closed', guarded);
    else queueMicrotask(() => guarded(reason));
    return () => void this.#emitter.off('closed', guarded);
  }

  /**
   * Waits for the next event of this name, from now on; events that have passed do not count, so ask before causing it.
   *
   * @param options - `accept`: is asked about each event of this name; false for one that is not the awaited
   * @throws QmpTimeoutError (`ERR_QMP_TIMEOUT`), or the reason why the connection ended.
   */
  waitForEvent(
    name: string,
    {
      timeoutMs = this.#requestTimeoutMs,
      accept = () => true,
    }: { timeoutMs?: number; accept?: (event: QmpEvent) => boolean } = {},
  ): Promise<QmpEvent> {
    const late = new QmpTimeoutError(this.endpoint, `event ${name}`, timeoutMs);
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        stopListening();
        stopWatching();
        act();
      };
      const stopListening = this.onEvent((event) => {
        if (event.event === name && accept(event)) settle(() => resolve(event));
      });
      const stopWatching = this.onClosed((reason) => settle(() => reject(reason)));
      const timer = setTimeout(() => settle(() => reject(late)), timerMs(timeoutMs));
    });
  }

  /** Ends the conversation. Requests that wait are rejected. Idempotent; resolves when the connection is gone. */
  async close(): Promise<void> {
    this.#end(this.#closedError('the connection was closed by this program'));
    await this.#connection.close();
  }

  async #awaitGreeting(timeoutMs: number, deadline: number): Promise<void> {
    const remainingMs = Math.max(0, deadline - nowMs());
    const timer = setTimeout(() => this.#end(this.#noGreeting(timeoutMs)), timerMs(remainingMs));
    try {
      this.#greeting = checkReply(this.endpoint, 'greeting', await this.#greeted, greetingSchema);
    } finally {
      clearTimeout(timer);
    }
  }

  async #negotiate(timeoutMs: number): Promise<void> {
    try {
      await this.#request('qmp_capabilities', undefined, timeoutMs);
    } catch (error) {
      const isTls = this.endpoint.startsWith('tls:');
      if (isTls && error instanceof QmpTimeoutError)
        throw new QmpTlsStallError(this.endpoint, formatQemuVersion(this.greeting));
      throw error;
    }
  }

  #noGreeting(timeoutMs: number): QmpError {
    const { endpoint } = this;
    const received = this.#channel.head;
    if (received === '') return new QmpBusyError(endpoint, timeoutMs);
    return new QmpProtocolError({ endpoint, expected: `a QMP greeting within ${timeoutMs} ms`, received });
  }

  #request(
    command: string,
    args: Readonly<Record<string, unknown>> | undefined,
    timeoutMs: number,
    descriptor?: HandedDescriptor,
  ): Promise<unknown> {
    const send = (): Promise<unknown> => {
      if (this.#state === 'closed') return Promise.reject(this.#refusal(command));
      const makeError = (label: string): Error => new QmpTimeoutError(this.endpoint, label, timeoutMs);
      const { id, reply } = this.#pending.create(command, { timeoutMs, makeError });
      this.#channel.send(encodeRequest(command, id, args), descriptor);
      return reply;
    };
    if (!this.#takesOneAtATime) return send();
    const mine = this.#lastReply.then(send);
    this.#lastReply = mine.catch(() => {});
    return mine;
  }

  /** Events come in their own time, before or after the replies to what caused them: libvirt stands between. */
  get areEventsLate(): boolean {
    return this.#connection.areEventsLate === true || this.#isLibvirtsProxy;
  }

  /**
   * libvirt's proxy for QMP (virt-qemu-qmp-proxy of libvirt 9.0) reads one command at a time and loses all that come with it. It greets
   * with a package of QEMU's that no QEMU has.
   */
  get #takesOneAtATime(): boolean {
    return this.#connection.takesOneAtATime === true || this.#isLibvirtsProxy;
  }

  get #isLibvirtsProxy(): boolean {
    const { qemu, package: name } = this.#greeting?.version ?? {};
    return qemu !== undefined && name === `qemu-${qemu.major}.${qemu.minor}.${qemu.micro}`;
  }

  #onMessage(message: QmpMessage, text: string): void {
    if (this.#state === 'greeting') {
      this.#onGreeting(message, text);
      return;
    }
    this.#unansweredChars = this.#pending.size === 0 ? 0 : this.#unansweredChars + text.length;
    switch (message.kind) {
      case 'return':
        if (message.id !== undefined && this.#pending.resolve(message.id, message.value)) this.#unansweredChars = 0;
        break;
      case 'error':
        this.#onRefusal(message, text);
        break;
      case 'event':
        this.#onEvent(message.event);
        break;
      default:
        break;
    }
    if (this.#unansweredChars > MAX_UNANSWERED_CHARS) {
      const expected = `a reply within ${MAX_UNANSWERED_CHARS} characters of other messages`;
      this.#end(new QmpProtocolError({ endpoint: this.endpoint, expected, received: text.slice(0, EVIDENCE_CHARS) }));
    }
  }

  #onGreeting(message: QmpMessage, text: string): void {
    if (message.kind === 'greeting') {
      this.#advance('negotiating');
      this.#settleGreeting?.resolve(message.body);
    } else if (message.kind === 'event' && this.#eventsBeforeGreeting < MAX_EARLY_EVENTS) {
      // A proxy tells those that it had before it had a client.
      this.#eventsBeforeGreeting += 1;
    } else {
      const received = text.slice(0, EVIDENCE_CHARS);
      this.#end(new QmpProtocolError({ endpoint: this.endpoint, expected: 'a QMP greeting', received }));
    }
  }

  #onRefusal(message: Extract<QmpMessage, { kind: 'error' }>, text: string): void {
    // Without an id QEMU could not even read what was sent. Its request is unknown, so none may be waited for.
    if (message.id === undefined) {
      const received = text.slice(0, EVIDENCE_CHARS);
      this.#end(new QmpProtocolError({ endpoint: this.endpoint, expected: 'an error with an id', received }));
    } else {
      const makeError = (command: string): Error =>
        message.errorClass === UNDELIVERED
          ? new QmpUndeliveredError(this.endpoint, command, message.desc)
          : new QmpCommandError(this.endpoint, command, message);
      if (this.#pending.reject(message.id, makeError)) this.#unansweredChars = 0;
    }
  }

  #onEvent(event: QmpEvent): void {
    if (event.event === 'SHUTDOWN') {
      const { reason } = event.data ?? {};
      this.#shutdown = { reason: typeof reason === 'string' ? reason : '' };
    }
    this.#emitter.emit('event', event);
  }

  #advance(state: QmpClientState): void {
    if (this.#state !== 'closed') this.#state = state;
  }

  /** The one way to the end, for every cause; the first cause is the one that is told. */
  #end(reason: QmpError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#reason = reason;
    this.#settleGreeting?.reject(reason);
    this.#pending.clear((command) => this.#refusal(command));
    this.#emitter.emit('closed', reason);
    // A failure to close is of no interest any more, and close() waits for the same promise.
    this.#connection.close().catch(() => {});
  }

  /** The error of a command that cannot be answered any more, or not yet. */
  #refusal(command: string): QmpError {
    const reason = this.#reason;
    if (reason === undefined) return this.#closedError(`it is not ready for commands (${this.#state})`, { command });
    const happened =
      reason instanceof QmpClosedError ? reason.happened : `the connection was closed: ${reason.message}`;
    return this.#closedError(happened, { command, cause: reason });
  }

  /** What lies between has ended where it says so; before QEMU has greeted nothing tells that there is one. */
  #ending(): string {
    const hasGreeted = this.#greeting !== undefined || this.#connection.explainEnd() === '';
    return hasGreeted ? 'QEMU exited or closed the connection' : 'the connection ended before QEMU had greeted';
  }

  #closedError(happened: string, { command, cause }: { command?: string; cause?: unknown } = {}): QmpClosedError {
    const explanation = this.#connection.explainEnd();
    return new QmpClosedError(
      { endpoint: this.endpoint, happened, command, explanation, shutdown: this.#shutdown },
      cause === undefined ? undefined : { cause },
    );
  }
}

/** A listener's mistake is the listener's: it must neither unwind the decoder nor go unnoticed. */
function rethrowLater(act: () => void): void {
  try {
    act();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
