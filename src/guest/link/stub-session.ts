import { GdbClient, type GdbClientOptions, GdbClosedError } from '../../../protocols/gdb/index.ts';
import { type Connection, connect } from '../../../protocols/transport/index.ts';
import { GuestRunStateError } from '../errors.ts';

/** How to connect to a stub. @internal */
export interface StubOptions extends GdbClientOptions {
  readonly endpoint: string;
  readonly timeoutMs: number;
  /** Told of each connection that is made. */
  readonly onConnection?: (connection: Connection) => void;
}

/**
 * The connection to a GDB stub, with the one setting of it that outlives a connection: physical mode is global to the QEMU
 * process, so whoever turns it on must turn it off, or the user's next debugger reads physical memory as virtual.
 *
 * The guest must stand still whenever a method is called: the stub stops a running guest at any byte.
 *
 * @internal
 */
export class StubSession {
  readonly #options: StubOptions;
  #client: GdbClient;
  /** Settled once the stub has said that memory requests are physical; undefined while they are virtual. */
  #physical: Promise<void> | undefined;
  #leaving = false;

  private constructor(options: StubOptions, client: GdbClient) {
    this.#options = options;
    this.#client = client;
  }

  /** @throws GdbBusyError, GdbProtocolError and the errors of the transport. */
  static async open(options: StubOptions): Promise<StubSession> {
    return new StubSession(options, await connectClient(options));
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

  /** The guest stands still, and may be asked. */
  async enter(): Promise<void> {
    this.#leaving = false;
    if (this.#client.state !== 'open') await this.#reconnect();
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

  /** Memory requests are virtual again, as every debugger expects them. */
  async leavePhysicalMode(): Promise<void> {
    this.#leaving = true;
    if (this.#physical === undefined) return;
    // A client that has failed cannot say it any more; a fresh connection can.
    if (this.#client.state !== 'open') await this.#reconnect();
    await this.#client.setPhysicalMode(false);
    this.#physical = undefined;
  }

  /**
   * Leaves physical mode, and the guest runs again by the monitor behind the stub, all in one flight; not one more byte may go to
   * the stub after it.
   *
   * @returns false when it does not run: QEMU did not let it, or the connection had failed before
   */
  async leaveAndRun(): Promise<boolean> {
    if (this.#client.state !== 'open') {
      await this.leavePhysicalMode();
      return false;
    }
    const [, output] = await Promise.all([this.leavePhysicalMode(), this.#client.monitor('cont')]);
    return output === '';
  }

  /** The stub will not answer any more, as its monitor knows: whoever waits for it learns of it at once. */
  lose(reason: Error): void {
    const { endpoint, session } = this.#client;
    session.fail(new GdbClosedError('was given up', reason.message, { endpoint, cause: reason }));
  }

  /** Closes the socket and sends nothing. */
  abandon(): Promise<void> {
    this.#leaving = true;
    return this.#client.close();
  }

  async #reconnect(): Promise<void> {
    await this.#client.close();
    this.#client = await connectClient(this.#options);
  }
}

async function connectClient(options: StubOptions): Promise<GdbClient> {
  const { endpoint, timeoutMs, onConnection, ...client } = options;
  // Never abandoned half-way: QEMU takes a connection out of its queue later, and pauses the guest for it then.
  const connection = await connect(endpoint, { timeoutMs });
  try {
    const connected = await GdbClient.connect(connection, { handshakeTimeoutMs: timeoutMs, ...client });
    onConnection?.(connection);
    return connected;
  } catch (error) {
    await connection.close();
    throw error;
  }
}
