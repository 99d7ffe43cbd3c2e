import { type GdbClient, GdbTimeoutError } from '../../../protocols/gdb/index.ts';
import { parseInfoStatus, parseInfoVersion } from '../../../protocols/qmp/index.ts';
import type { QemuVersion } from '../../paging/index.ts';
import { GuestRunStateError } from '../errors.ts';
import type { Monitor } from '../monitor/monitor.ts';
import { stubMonitor } from '../monitor/stub-monitor.ts';
import { findPeer } from '../peer/find-peer.ts';
import { type Peer, unknownPeer } from '../peer/peer.ts';
import { Watchdog } from '../watchdog/watchdog.ts';
import type { AttachOptions } from './attach-options.ts';
import type { Link } from './link.ts';
import { StubSession } from './stub-session.ts';
import { Turns } from './turns.ts';

/**
 * A guest of which only the GDB stub is known. Connecting is what pauses it; the monitor behind the stub (`qRcmd`) resumes it
 * with `cont`, after which not one more byte may go to the stub, so the socket is closed in the same breath.
 *
 * Whether the guest ran before is exact where the stub shows it: run states other than plain `paused` were there before us,
 * and QEMU up to 8.0 greets with a stop reply when it was the connection that paused the guest. A later QEMU leaves one case
 * open, a guest that had been paused by its monitor; it is taken to have run, which is what a debugger's detach does too.
 *
 * @internal
 */
export class StubLink implements Link {
  readonly endpoint: string;
  readonly asksLive = false;
  readonly #options: AttachOptions;
  readonly #watchdog: Watchdog;
  #session: StubSession | undefined;
  #peer: Peer | undefined;
  #ranBefore: boolean | undefined;
  #runStateNote = '';
  #greetedWithStop = false;
  /** Connecting has paused the guest, as far as can be told, and nothing came of it. */
  #hasPaused = false;
  readonly #turns = new Turns();

  private constructor(endpoint: string, options: AttachOptions) {
    this.endpoint = endpoint;
    this.#options = options;
    this.#watchdog = new Watchdog({ enabled: options.watchdog ?? true });
  }

  /** Connects, which pauses the guest. */
  static async open(endpoint: string, options: AttachOptions): Promise<StubLink> {
    const link = new StubLink(endpoint, options);
    try {
      await link.#connect();
      return link;
    } catch (error) {
      // A stub that answered and then fell silent has paused the guest; one that is busy has not been reached.
      if (error instanceof GdbTimeoutError) link.#hasPaused = true;
      await link.release().catch(() => {});
      throw error;
    }
  }

  get monitor(): Monitor {
    return stubMonitor(this.#requireSession().client);
  }

  get peer(): Peer {
    return this.#peer ?? unknownPeer('the GDB stub is not connected');
  }

  get ranBefore(): boolean | undefined {
    return this.#ranBefore;
  }

  get runStateNote(): string {
    return this.#runStateNote;
  }

  pause(): Promise<StubSession> {
    return this.#turns.take(async () => {
      const session = this.#session ?? (await this.#connect());
      await session.enter();
      return session;
    });
  }

  resume(): Promise<void> {
    return this.#turns.take(() => this.#resumeNow());
  }

  async #resumeNow(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    try {
      if (!(this.#ranBefore && (await session.leaveAndRun()))) await session.leavePhysicalMode();
      this.#greetedWithStop = false;
    } finally {
      await session.abandon();
    }
    await this.#watchdog.relax();
  }

  checkStillPaused(): void {
    // Nobody tells us here: a guest that was resumed shows as a request without an answer.
  }

  findResumption(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  release(): Promise<void> {
    return this.#turns.end(() => this.#leave());
  }

  async #connect(): Promise<StubSession> {
    const { timeoutMs = 5000, trace, signal } = this.#options;
    await this.#watchdog.arm({ stub: this.endpoint, resume: true });
    signal?.throwIfAborted();
    this.#greetedWithStop = false;
    const session = await StubSession.open({
      endpoint: this.endpoint,
      timeoutMs,
      requestTimeoutMs: timeoutMs,
      onStop: () => {
        this.#greetedWithStop = true;
      },
      onConnection: (connection) => {
        this.#peer = findPeer(connection);
      },
      ...(trace ? { trace } : {}),
    });
    this.#session = session;
    // What is known so far counts if nothing more comes.
    this.#ranBefore = this.#greetedWithStop || undefined;
    await this.#learnRunState(session.client);
    await this.#watchdog.arm({ resume: this.#ranBefore === true });
    // Refuses a guest that is not x86, before anything else stumbles over it.
    await session.client.layout();
    return session;
  }

  async #learnRunState(client: GdbClient): Promise<void> {
    const [status, version] = await Promise.all([client.monitor('info status'), client.monitor('info version')]);
    this.#runStateNote = '';
    if (this.#greetedWithStop) this.#ranBefore = true;
    else if (parseInfoStatus(status).status !== 'paused') this.#ranBefore = false;
    else if (greetsWithStop(parseInfoVersion(version))) this.#ranBefore = false;
    else {
      this.#ranBefore = true;
      this.#runStateNote =
        'the GDB stub of this QEMU does not tell whether the guest ran before; it is taken to have run, and is resumed. With --qmp this is exact';
    }
  }

  #requireSession(): StubSession {
    if (this.#session === undefined) {
      throw new GuestRunStateError(
        'ERR_GUEST_NOT_PAUSED',
        'without QMP the monitor can be asked only while the guest is paused',
      );
    }
    return this.#session;
  }

  async #leave(): Promise<void> {
    // Our connection stopped the guest, and was of no use after that.
    const isStranded = this.#session === undefined && (this.#greetedWithStop || this.#hasPaused);
    try {
      await this.#resumeNow();
      await (isStranded ? this.#watchdog.trigger() : this.#watchdog.disarm());
    } catch (error) {
      await this.#watchdog.trigger();
      throw error;
    }
  }
}

/** QEMU sends stop replies that nobody asked for up to 8.0. */
function greetsWithStop([major, minor]: QemuVersion): boolean {
  return major < 8 || (major === 8 && minor === 0);
}
