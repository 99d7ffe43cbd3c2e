import { GdbClient, type GdbClientOptions, GdbClosedError } from '../../../protocols/gdb/index.ts';
import { parseInfoStatus } from '../../../protocols/qmp/index.ts';
import { ConnectError, type Connection } from '../../../protocols/transport/internal.ts';
import { GuestRunStateError, GuestStubError } from '../errors.ts';
import { isOurPause } from '../resume/is-our-pause.ts';
import { resumeByStub } from '../resume/resume-by-stub.ts';
import type { Resumed } from '../resume/resumed.ts';

/** How long the guest waits for its stub to be left. Milliseconds. @internal */
export const LEAVE_TIMEOUT_MS = 2000;

/** How to connect to a stub. @internal */
export interface StubOptions extends GdbClientOptions {
  readonly endpoint: string;
  readonly timeoutMs: number;
  /** Makes each connection, where no endpoint leads to the stub, or not safely. */
  readonly connect?: ((timeoutMs: number) => Promise<Connection>) | undefined;
  /**
   * Waits until the stub serves no one, where that can be seen: a connection that had to wait its turn would pause the guest later.
   *
   * @throws GuestStubError `ERR_GUEST_STUB_BUSY`
   */
  readonly awaitTurn?: (() => Promise<void>) | undefined;
  /** Told of each connection that is made. */
  readonly onConnection?: (connection: Connection) => void;
}

/**
 * The connection to a GDB stub, with the one setting of it that outlives a connection: physical mode is global to the QEMU
 * process, so the client that turns it on must turn it off, or the user's next debugger reads physical memory as virtual.
 *
 * The guest must be paused whenever a method is called: the stub stops a running guest at any byte.
 *
 * @internal
 */
export class StubSession {
  readonly #options: StubOptions;
  #client: GdbClient;
  /** Settled once the stub has said that memory requests are physical; undefined while they are virtual. */
  #physical: Promise<void> | undefined;
  #leaving = false;
  #isUnanswered = false;
  /** Under way, perhaps longer than it was waited for. */
  #connecting: Promise<void> | undefined;

  private constructor(options: StubOptions, client: GdbClient) {
    this.#options = options;
    this.#client = client;
  }

  /** @throws GdbBusyError, GdbProtocolError and the errors of the transport. */
  static async open(options: StubOptions): Promise<StubSession> {
    return new StubSession(options, await connectClient(options));
  }

  /** On a connection that is there. A fresh one, should it be needed, is made as the options say. */
  static over(client: GdbClient, options: StubOptions): StubSession {
    return new StubSession(options, client);
  }

  /**
   * For one request at a time, to be asked for anew for the next: a write that is sent after physical mode was left would go
   * to a virtual address.
   *
   * @throws GuestRunStateError `ERR_GUEST_NOT_PAUSED` once the guest is being left.
   */
  get client(): GdbClient {
    if (this.#leaving) {
      throw new GuestRunStateError('ERR_GUEST_NOT_PAUSED', 'the guest was left while a question to it was under way');
    }
    return this.#client;
  }

  /** The guest is paused, and may be asked. */
  async enter(): Promise<void> {
    this.#leaving = false;
    await this.#renewWithin(this.#options.timeoutMs);
  }

  /**
   * Makes a memory request in physical mode. The first of a pause takes the switch along, for no round trip of its own.
   *
   * @throws GuestRunStateError `ERR_GUEST_NOT_PAUSED` once the guest is being left.
   */
  async inPhysicalMode<T>(request: (client: GdbClient) => Promise<T>): Promise<T> {
    const { client } = this;
    this.#physical ??= client.setPhysicalMode(true);
    const [answer] = await Promise.all([request(client), this.#physical]);
    return answer;
  }

  /**
   * A connection got no answer, or none yet: it pauses the guest when QEMU takes it up, also when it was closed long before. One that
   * is answered shows that those before it have had their turn.
   */
  get mayPauseLater(): boolean {
    return this.#isUnanswered;
  }

  /** Waits for a connection that is under way. @returns whether there is one that works */
  async settle(): Promise<boolean> {
    await this.#connecting?.catch(() => {});
    return this.#client.state === 'open';
  }

  /** Closes a connection that has failed: the stub serves it until then, and so no other one. */
  async closeFailed(): Promise<void> {
    if (this.#client.state !== 'open') await this.#client.close();
  }

  /** Physical mode is on, or may be. */
  get isPhysical(): boolean {
    return this.#physical !== undefined;
  }

  /**
   * Memory requests are virtual again, as every debugger expects them.
   *
   * @throws GuestStubError `ERR_GUEST_STUB_UNREACHABLE` for a stub that does not answer in time: the guest waits for this.
   */
  async leavePhysicalMode(): Promise<void> {
    await this.#inTime(this.#leaveMode());
  }

  async #leaveMode(): Promise<void> {
    this.#leaving = true;
    if (this.#physical !== undefined) await this.#turnPhysicalModeOff();
  }

  async #turnPhysicalModeOff(): Promise<void> {
    // A client that has failed cannot say it any more; a fresh connection can. One that has not says it in the same write as what
    // is asked next.
    if (this.#connecting !== undefined || this.#client.state !== 'open') await this.renew();
    await this.#client.setPhysicalMode(false);
    this.#physical = undefined;
  }

  /**
   * A connection that has failed is replaced by a fresh one, whose wire may be sane: for a guest of which only the stub is known
   * there is no other way to be resumed.
   *
   * @throws The errors of {@link StubSession.open}.
   */
  async renew(): Promise<void> {
    await this.#renewWithin(LEAVE_TIMEOUT_MS);
  }

  /**
   * Leaves physical mode, and resumes the guest by the monitor behind the stub; not one more byte may go to the stub after it.
   * A guest that is in another state than plainly paused by now is not resumed: another client has done that.
   *
   * @param isOurs - whether a run state is that of our pause
   * @throws as {@link StubSession.leavePhysicalMode}
   */
  async leaveAndRun(isOurs: (status: string) => boolean = isOurPause): Promise<Resumed> {
    if (this.#client.state !== 'open') {
      await this.leavePhysicalMode();
      return { kind: 'refused', complaint: 'the connection to its GDB stub has failed' };
    }
    // One time for both: of two that are up together, the first would fail what the second waits for, and for another reason.
    const [, status] = await this.#inTime(Promise.all([this.#leaveMode(), this.#client.monitor('info status')]));
    const { status: state } = parseInfoStatus(status);
    if (!isOurs(state)) {
      return { kind: 'refused', complaint: `it is in the state "${state}" now, which another client has done` };
    }
    return this.#inTime(resumeByStub(this.#client, isOurs));
  }

  async #inTime<T>(step: Promise<T>): Promise<T> {
    const { endpoint } = this.#options;
    let isOver = false;
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      const giveUp = (): void => {
        if (isOver) return;
        const error = new GuestStubError(
          'ERR_GUEST_STUB_UNREACHABLE',
          endpoint,
          `the GDB stub at ${endpoint} did not answer within ${LEAVE_TIMEOUT_MS} ms when the guest was left; its physical mode may still be on`,
        );
        this.lose(error);
        reject(error);
      };
      // Timers come before sockets: of a process that was suspended the answer may be there, unread.
      timer = setTimeout(() => setImmediate(giveUp), LEAVE_TIMEOUT_MS);
    });
    try {
      return await Promise.race([step, tooLate]);
    } finally {
      isOver = true;
      clearTimeout(timer);
    }
  }

  /** Stops a guest that runs: a fresh connection does, and is answered when it has. */
  async stopGuest(): Promise<void> {
    await this.#reconnect(LEAVE_TIMEOUT_MS);
  }

  /** The stub will not answer any more, as its monitor knows: requests that wait fail at once. */
  lose(reason: Error): void {
    const { endpoint, session } = this.#client;
    session.fail(new GdbClosedError('was closed', reason.message, { endpoint, cause: reason }));
  }

  /** Closes the socket and sends nothing. */
  async abandon(): Promise<void> {
    this.#leaving = true;
    await this.#client.close();
    await this.#connecting?.catch(() => {});
    await this.#client.close();
  }

  async #renewWithin(timeoutMs: number): Promise<void> {
    // A second one would wait for the first to be gone.
    if (!(await this.settle())) await this.#reconnect(timeoutMs);
  }

  #reconnect(timeoutMs: number): Promise<void> {
    const connecting = this.#connectAnew(Math.min(timeoutMs, this.#options.timeoutMs));
    this.#connecting = connecting;
    return connecting;
  }

  async #connectAnew(timeoutMs: number): Promise<void> {
    await this.#client.close();
    await this.#options.awaitTurn?.();
    const wasUnanswered = this.#isUnanswered;
    this.#isUnanswered = true;
    try {
      this.#client = await connectClient({ ...this.#options, timeoutMs });
      this.#isUnanswered = false;
    } catch (error) {
      // QEMU will not hear of it.
      if (error instanceof ConnectError) this.#isUnanswered = wasUnanswered;
      throw error;
    }
  }
}

async function connectClient({
  endpoint,
  onConnection,
  connect,
  awaitTurn,
  ...options
}: StubOptions): Promise<GdbClient> {
  const client = await (connect === undefined
    ? GdbClient.open(endpoint, options)
    : connect(options.timeoutMs).then((connection) => GdbClient.over(connection, options)));
  onConnection?.(client.connection);
  return client;
}
