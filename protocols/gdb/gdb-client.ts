import { type Connection, connect, type TraceSink } from '../transport/index.ts';
import { monitorRequest } from './commands/features/monitor.ts';
import {
  queryPhysicalMemoryModeRequest,
  setPhysicalMemoryModeRequest,
} from './commands/memory/physical-memory-mode.ts';
import { MAX_WRITE_BYTES, writeMemoryRequest } from './commands/memory/write-memory.ts';
import { readRegistersRequest } from './commands/registers/read-registers.ts';
import { listThreadsRequest } from './commands/threads/list-threads.ts';
import { selectThreadRequest } from './commands/threads/select-thread.ts';
import { threadAliveRequest } from './commands/threads/thread-alive.ts';
import { type ThreadExtraInfo, threadExtraInfoRequest } from './commands/threads/thread-extra-info.ts';
import { GdbArchitectureError, GdbError, GdbTargetDescriptionError, GdbUnsupportedError } from './errors.ts';
import type { StopReply } from './packets/stop-reply.ts';
import { type GdbThread, MAX_THREADS, requireCpuIndex } from './packets/thread-id.ts';
import { type GdbFeatures, runHandshake } from './session/handshake.ts';
import {
  type BlockReads,
  type MemoryPiece,
  makeBlockReads,
  makePieceReads,
  requireRange,
} from './session/memory-requests.ts';
import { readAnnex } from './session/read-annex.ts';
import { GdbSession, type GdbState, type GdbStatistics } from './session/session.ts';
import { DEFAULT_OUTSTANDING_BYTES } from './session/socket-buffer.ts';
import { loadRegisterLayout } from './target-description/load-layout.ts';
import type { RegisterLayout, RegisterValues } from './target-description/register-layout.ts';

/** @public */
export interface GdbClientOptions {
  /** How long an answer may take, from the moment at which all requests before it are answered. Default 10 000. */
  readonly requestTimeoutMs?: number;
  /** How long the first reply may take. Default 2000. */
  readonly handshakeTimeoutMs?: number;
  /**
   * Bound on the replies that QEMU may have to write before we read them, in bytes as Linux charges them to a unix socket's
   * buffer: a few hundred more for each than it is long. QEMU writes on its main loop and blocks there, with its big lock, when
   * the buffer is full: within the default of 182 564 it never is, even while this process is suspended.
   */
  readonly maxOutstandingReplyBytes?: number;
  /** Receives each packet and ack, both ways. */
  readonly trace?: TraceSink;
  /** As {@link GdbClient.onStop}, from the first byte on: QEMU 7.2 greets with a stop reply when connecting paused the guest. */
  readonly onStop?: (stop: StopReply) => void;
}

const REQUEST_TIMEOUT_MS = 10_000;
const HANDSHAKE_TIMEOUT_MS = 2000;
const THREADS_PER_FLIGHT = 16;

/**
 * A client of QEMU's GDB stub that looks at a paused guest: registers, memory, the human monitor. What makes the
 * guest run, or changes its registers, is in {@link GdbRunControl} only.
 *
 * Connecting pauses a running guest, and nothing here ever resumes it; pause it by QMP before, and resume it by QMP after.
 * While the guest runs no method may be called: the stub swallows the packet that stops it.
 *
 * Requests that are made in the same turn of the event loop leave in one write, and any number may be under way; their
 * results arrive together, when the last of them is in.
 *
 * @example
 * ```ts
 * const client = await GdbClient.connect(await connect('unix:/run/vm.gdb'));
 * await client.setPhysicalMode(true);
 * const bytes = await client.readMemory(0x1000n, 4096);
 * await client.setPhysicalMode(false);
 * await client.close();
 * ```
 * @public
 */
export class GdbClient {
  /** What the stub can do. */
  readonly features: GdbFeatures;
  readonly endpoint: string;
  /** What the bytes travel on. @internal */
  readonly connection: Connection;
  /** @internal */
  readonly session: GdbSession;
  #layout: Promise<RegisterLayout> | undefined;
  #knownLayout: RegisterLayout | undefined;
  #physicalMode: boolean | undefined;

  private constructor(connection: Connection, session: GdbSession, features: GdbFeatures) {
    this.connection = connection;
    this.session = session;
    this.endpoint = session.endpoint;
    this.features = features;
  }

  /**
   * Makes sure that a GDB stub listens. The connection stays the caller's on failure: on `ERR_GDB_BUSY` it is queued in QEMU,
   * and closing it does not take it out of there.
   *
   * @throws GdbBusyError (`ERR_GDB_BUSY`), GdbProtocolError (`ERR_GDB_PROTOCOL`), GdbClosedError (`ERR_GDB_CLOSED`),
   * GdbTimeoutError (`ERR_GDB_TIMEOUT`).
   */
  static async connect(connection: Connection, options: GdbClientOptions = {}): Promise<GdbClient> {
    const session = new GdbSession(connection, {
      requestTimeoutMs: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
      maxOutstandingReplyBytes: options.maxOutstandingReplyBytes ?? DEFAULT_OUTSTANDING_BYTES,
      trace: options.trace,
    });
    if (options.onStop) session.onStop(options.onStop);
    return new GdbClient(
      connection,
      session,
      await runHandshake(session, options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS),
    );
  }

  /**
   * Connects to an endpoint, and closes the connection again where no stub listens: no socket and no `exec:` command stays.
   *
   * @param options - `timeoutMs`: for connecting, and again for the handshake unless `handshakeTimeoutMs` says otherwise
   * @throws EndpointError, ConnectError (`ERR_TRANSPORT_…`); the errors of {@link GdbClient.connect}.
   */
  static async open(
    endpoint: string,
    { timeoutMs, ...options }: GdbClientOptions & { readonly timeoutMs: number },
  ): Promise<GdbClient> {
    // Never abandoned half-way: QEMU takes a connection out of its queue later, and pauses the guest for it then.
    return GdbClient.over(await connect(endpoint, { timeoutMs }), { timeoutMs, ...options });
  }

  /** The same on a connection that was made elsewhere and becomes the client's. @internal */
  static async over(
    connection: Connection,
    { timeoutMs, ...options }: GdbClientOptions & { readonly timeoutMs: number },
  ): Promise<GdbClient> {
    try {
      return await GdbClient.connect(connection, { handshakeTimeoutMs: timeoutMs, ...options });
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  get state(): GdbState {
    return this.session.state;
  }

  get stats(): GdbStatistics {
    return this.session.stats;
  }

  /** Whether memory requests are physical, as last confirmed by the stub; undefined until asked. */
  get physicalMode(): boolean | undefined {
    return this.#physicalMode;
  }

  /**
   * Calls back for each stop reply. QEMU 7.2 sends one whenever the guest stops, QEMU 10 only when a resume request waits for
   * it.
   *
   * @returns what ends the subscription.
   */
  onStop(listener: (stop: StopReply) => void): () => void {
    return this.session.onStop(listener);
  }

  /**
   * The register layout, read from the stub once.
   *
   * @throws GdbArchitectureError (`ERR_GDB_ARCHITECTURE`) if the guest is not x86; GdbTargetDescriptionError
   * (`ERR_GDB_TARGET_DESCRIPTION`); GdbUnsupportedError (`ERR_GDB_UNSUPPORTED`) if the stub has no description.
   */
  layout(): Promise<RegisterLayout> {
    this.#layout ??= this.#loadLayout();
    return this.#layout;
  }

  /** All vCPUs, by rising index. */
  async threads(): Promise<readonly GdbThread[]> {
    const threads: GdbThread[] = [];
    for (let position: 'first' | 'next' = 'first'; ; position = 'next') {
      const flight = Array.from({ length: THREADS_PER_FLIGHT }, (_, index) =>
        this.session.send(listThreadsRequest(index === 0 ? position : 'next')),
      );
      for (const reply of await Promise.all(flight)) {
        if (reply === 'end') return threads.sort((one, other) => one.cpuIndex - other.cpuIndex);
        threads.push(...reply);
        if (threads.length > MAX_THREADS) {
          throw new GdbError(`the GDB stub at ${this.endpoint} lists more than ${MAX_THREADS} threads`, this);
        }
      }
    }
  }

  /** The stub's own words about a vCPU; undefined if it does not exist. */
  async threadExtraInfo(cpuIndex: number): Promise<ThreadExtraInfo | undefined> {
    requireCpuIndex(cpuIndex);
    // For a vCPU that is not there the stub would not answer at all.
    const exists = await this.session.send(threadAliveRequest(cpuIndex));
    return exists ? this.session.send(threadExtraInfoRequest(cpuIndex)) : undefined;
  }

  /**
   * Chooses the vCPU through whose page tables virtual memory is read. Not remembered here, since the stub itself forgets it
   * at each stop, on QEMU 10 silently; made in the same turn as the reads that need it, it costs no round trip.
   *
   * @throws GdbReplyError (`ERR_GDB_REPLY`) if there is no such vCPU.
   */
  async selectThread(cpuIndex: number): Promise<void> {
    requireCpuIndex(cpuIndex);
    return this.session.send(selectThreadRequest(cpuIndex));
  }

  /**
   * All registers of a vCPU, by the names of the layout. Makes that vCPU the selected one. Once the layout is known, what is asked
   * after it in the same turn goes after it over the wire.
   *
   * @throws GdbReplyError (`ERR_GDB_REPLY`) if there is no such vCPU; and as {@link GdbClient.layout} does.
   */
  async readRegisters(cpuIndex: number): Promise<RegisterValues> {
    requireCpuIndex(cpuIndex);
    const layout = this.#knownLayout ?? (await this.layout());
    const [, values] = await Promise.all([
      this.session.send(selectThreadRequest(cpuIndex)),
      this.session.send(readRegistersRequest(layout)),
    ]);
    return values;
  }

  /**
   * Reads memory, physical or of the selected vCPU, by the current mode.
   *
   * @throws GdbReplyError (`ERR_GDB_REPLY`, errno 14) if a virtual address leads nowhere; GdbArgumentError
   * (`ERR_GDB_ARGUMENT`) for a range beyond 2^64.
   */
  async readMemory(address: number | bigint, lengthBytes: number): Promise<Uint8Array> {
    const [bytes] = await this.readMemoryMany([{ address, lengthBytes }]);
    return bytes as Uint8Array;
  }

  /**
   * Reads many pieces, of any size and in any order, all under way together. Gives one array for each piece.
   *
   * @param targets - arrays for the pieces, as long as they are; made where not given.
   */
  async readMemoryMany(
    pieces: readonly MemoryPiece[],
    targets: readonly Uint8Array[] = pieces.map(({ lengthBytes }) => new Uint8Array(lengthBytes)),
  ): Promise<readonly Uint8Array[]> {
    await this.session.sendAll(makePieceReads(pieces, targets));
    return targets;
  }

  /** Reads many blocks of one size into one buffer: block n of `addresses` goes to `target` from n * `blockBytes` on. */
  async readBlocks(reads: BlockReads): Promise<void> {
    await this.session.sendAll(makeBlockReads(reads));
  }

  /**
   * Writes memory, physical or of the selected vCPU, by the current mode. It is not atomic beyond one packet (1024 bytes), and
   * done does not prove changed: QEMU says yes to writing ROM too. Read it again.
   *
   * @throws GdbReplyError (`ERR_GDB_REPLY`), GdbArgumentError (`ERR_GDB_ARGUMENT`).
   */
  async writeMemory(address: number | bigint, bytes: Uint8Array): Promise<void> {
    requireRange(address, bytes.length);
    const requests = [];
    for (let done = 0; done < bytes.length; done += MAX_WRITE_BYTES) {
      requests.push(writeMemoryRequest(BigInt(address) + BigInt(done), bytes.subarray(done, done + MAX_WRITE_BYTES)));
    }
    await this.session.sendAll(requests);
  }

  /**
   * Makes memory requests physical, or virtual again, and asks the stub whether they are. The mode belongs to the QEMU process
   * and outlives this connection: switch it off before closing, or the next debugger reads the wrong memory.
   *
   * @throws GdbUnsupportedError (`ERR_GDB_UNSUPPORTED`) before QEMU 4.2; GdbError if the stub says yes and does not do it.
   */
  async setPhysicalMode(on: boolean): Promise<void> {
    const [, actual] = await Promise.all([
      this.session.send(setPhysicalMemoryModeRequest(on)),
      this.session.send(queryPhysicalMemoryModeRequest()),
    ]);
    this.#physicalMode = actual;
    if (actual !== on) {
      const wanted = on ? 'on' : 'off';
      throw new GdbError(
        `the GDB stub at ${this.endpoint} said OK, but did not turn physical memory mode ${wanted}`,
        this,
      );
    }
  }

  /**
   * Runs one line of QEMU's human monitor and gives its output, lines ended by `\n`. A wrong command is not an error: the
   * monitor's complaint is the output. The monitor's `cpu` choice persists between calls.
   *
   * @param options - `timeoutMs`: some commands take many seconds, during which QEMU's main loop is blocked.
   */
  async monitor(command: string, options: { readonly timeoutMs?: number } = {}): Promise<string> {
    return this.session.send(monitorRequest(command, options.timeoutMs));
  }

  /**
   * Closes the connection, and sends nothing. Idempotent. The guest stays as it is, paused or not; physical mode and
   * breakpoints stay too, if they were not taken back before.
   */
  close(): Promise<void> {
    return this.session.close();
  }

  async #loadLayout(): Promise<RegisterLayout> {
    try {
      this.#knownLayout = await loadRegisterLayout((annex) => readAnnex(this.session, annex));
      return this.#knownLayout;
    } catch (error) {
      // A description that cannot be used stays so; anything else may go better next time.
      if (error instanceof GdbArchitectureError) throw new GdbArchitectureError(error.architecture, this);
      if (error instanceof GdbTargetDescriptionError || error instanceof GdbUnsupportedError) throw error;
      this.#layout = undefined;
      throw error;
    }
  }
}
