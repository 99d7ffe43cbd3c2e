import { cont, QmpClient, queryChardev, queryStatus, stop } from '../../../protocols/qmp/index.ts';
import { formatEndpoint, parseEndpoint } from '../../../protocols/transport/index.ts';
import { GuestArchitectureError, GuestRunStateError, GuestUsageError } from '../errors.ts';
import type { Monitor } from '../monitor/monitor.ts';
import { qmpMonitor } from '../monitor/qmp-monitor.ts';
import { findPeer } from '../peer/find-peer.ts';
import type { Peer } from '../peer/peer.ts';
import { Watchdog } from '../watchdog/watchdog.ts';
import type { AttachOptions } from './attach-options.ts';
import type { Link } from './link.ts';
import { OwnStub } from './own-stub.ts';
import { checkNamedStub, locateStub } from './stub-location.ts';
import { StubSession } from './stub-session.ts';
import { Turns } from './turns.ts';
import { undoStubPause } from './undo-stub-pause.ts';

/** Run states in which `stop` pauses nothing but spoils something: an incoming migration would not start the guest. */
const NEVER_STOP = new Set(['inmigrate']);

/**
 * A guest whose QMP socket we hold: run state is QMP's business alone, and exact. The stub is touched only while the guest
 * stands still.
 *
 * @internal
 */
export class QmpLink implements Link {
  readonly monitor: Monitor;
  readonly endpoint: string;
  readonly peer: Peer;
  readonly runStateNote = '';
  readonly asksLive = true;
  readonly #qmp: QmpClient;
  readonly #options: AttachOptions;
  readonly #watchdog: Watchdog;
  readonly #qmpEndpoint: string;
  #stubEndpoint: string | undefined;
  #ownStub: OwnStub | undefined;
  #session: StubSession | undefined;
  #ranBefore: boolean | undefined;
  /** We stopped the guest, and have not resumed it. */
  #holding = false;
  #resumedByOthers = false;
  readonly #turns = new Turns();

  private constructor(qmp: QmpClient, qmpEndpoint: string, options: AttachOptions, watchdog: Watchdog) {
    this.#qmpEndpoint = qmpEndpoint;
    this.#qmp = qmp;
    this.#options = options;
    this.#watchdog = watchdog;
    this.endpoint = qmp.endpoint;
    this.peer = findPeer(qmp.connection);
    this.monitor = qmpMonitor(qmp);
    qmp.onClosed((reason) => this.#session?.lose(reason));
    qmp.onEvent((event) => {
      if (event.event === 'RESUME' && this.#holding) this.#takeResumption();
    });
  }

  /** Connects to the monitor. The guest is not disturbed. */
  static async open(qmpEndpoint: string, options: AttachOptions): Promise<QmpLink> {
    const { timeoutMs, trace, signal } = options;
    const qmp = await QmpClient.connect(qmpEndpoint, {
      ...(timeoutMs === undefined ? {} : { timeoutMs, requestTimeoutMs: timeoutMs }),
      ...(trace ? { trace } : {}),
      ...(signal ? { signal } : {}),
    }).catch(async (error: unknown) => {
      throw await undoStubPause(qmpEndpoint, timeoutMs ?? 5000, error);
    });
    const watchdog = new Watchdog({ qmp: qmpEndpoint, enabled: options.watchdog ?? true });
    const link = new QmpLink(qmp, qmpEndpoint, options, watchdog);
    try {
      await link.#requireX86();
      return link;
    } catch (error) {
      await link.release();
      throw error;
    }
  }

  get ranBefore(): boolean | undefined {
    return this.#ranBefore;
  }

  async #requireX86(): Promise<void> {
    const target = (await this.monitor.target()) ?? 'unknown';
    if (target !== 'x86_64' && target !== 'i386') throw new GuestArchitectureError(target, this.endpoint);
  }

  /** Settles where the stub is, before the guest is disturbed. */
  async #findStub(): Promise<void> {
    const qmp = parseEndpoint(this.#qmpEndpoint);
    const chardevs = await queryChardev(this.#qmp);
    if (this.#options.gdb !== undefined) {
      this.#stubEndpoint = this.#options.gdb;
      checkNamedStub(chardevs, formatEndpoint(parseEndpoint(this.#options.gdb)));
      return;
    }
    const location = locateStub(chardevs, qmp);
    if (location.kind === 'listening') {
      this.#stubEndpoint = location.endpoint;
      return;
    }
    this.#ownStub = await OwnStub.start(this.monitor, qmp, this.#watchdog);
    this.#stubEndpoint = this.#ownStub.endpoint;
  }

  pause(): Promise<StubSession> {
    return this.#turns.take(async () => {
      if (this.#stubEndpoint === undefined) await this.#findStub();
      const { status, running } = await queryStatus(this.#qmp);
      await this.#watchdog.arm({ resume: running, stub: this.#requireStub() });
      if (!NEVER_STOP.has(status)) await this.#stop(running);
      // No byte goes to the stub of a guest that may run.
      this.checkStillPaused();
      this.#session ??= await this.#openStub();
      await this.#session.enter();
      return this.#session;
    });
  }

  /**
   * A STOP event comes before the reply if, and only if, the guest ran; a guest that stood still gives none.
   *
   * @param running - what counts if there is no reply: QEMU may carry the command out later
   */
  async #stop(running: boolean): Promise<void> {
    let stopped = false;
    this.#ranBefore = running;
    this.#holding = true;
    this.#resumedByOthers = false;
    const unsubscribe = this.#qmp.onEvent((event) => {
      if (event.event !== 'STOP') return;
      stopped = true;
      this.#resumedByOthers = false;
    });
    try {
      await stop(this.#qmp);
    } finally {
      unsubscribe();
    }
    // A resumption by others may have come together with the reply: it is not forgotten here.
    this.#ranBefore = stopped;
  }

  #openStub(): Promise<StubSession> {
    const { timeoutMs = 5000, trace } = this.#options;
    return StubSession.open({
      endpoint: this.#requireStub(),
      timeoutMs,
      requestTimeoutMs: timeoutMs,
      ...(trace ? { trace } : {}),
    });
  }

  #requireStub(): string {
    if (this.#stubEndpoint === undefined) throw new GuestUsageError('a link that was released cannot pause the guest');
    return this.#stubEndpoint;
  }

  resume(): Promise<void> {
    return this.#turns.take(async () => {
      await this.#standStillAgain();
      await this.#leaveStub();
      await this.#run();
      await this.#watchdog.relax();
    });
  }

  /** Somebody resumed the guest under our hands: a byte to the stub would stop it, so it is stopped properly first. */
  async #standStillAgain(): Promise<void> {
    if (!this.#resumedByOthers) return;
    await this.#stop(true);
    this.#ranBefore = true;
  }

  /**
   * Puts the stub's mode back. If the guest is to run, it does so from there: the stub hands a command to the monitor at once, which
   * QMP does at 4.5 microseconds a byte, so that the guest stands still for a third of a millisecond less.
   */
  async #leaveStub(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    if (!this.#holding || !this.#ranBefore) {
      await session.leavePhysicalMode();
      return;
    }
    // The RESUME event is ours.
    this.#holding = false;
    const runs = await session.leaveAndRun().catch((error: unknown) => {
      this.#holding = true;
      throw error;
    });
    // QMP says why not.
    this.#holding = !runs;
  }

  async #run(): Promise<void> {
    if (!this.#holding) return;
    this.#holding = false;
    if (this.#ranBefore) await cont(this.#qmp);
  }

  /** Whether the guest was resumed by somebody else since the pause; results since then are torn. */
  checkStillPaused(): void {
    const resumption = this.#resumption();
    if (resumption !== undefined) throw resumption;
  }

  async findResumption(): Promise<Error | undefined> {
    // Events come before replies: once there is one, all that has happened so far is known.
    if (this.#holding) await queryStatus(this.#qmp).catch(() => {});
    return this.#resumption();
  }

  /** The stub swallows a packet and answers those behind it: what is under way would wait for a reply that never comes. */
  #takeResumption(): void {
    this.#resumedByOthers = true;
    const reason = this.#resumption();
    if (reason !== undefined) this.#session?.lose(reason);
  }

  #resumption(): GuestRunStateError | undefined {
    if (!this.#resumedByOthers) return undefined;
    return new GuestRunStateError(
      'ERR_GUEST_RESUMED',
      `somebody else resumed the guest behind ${this.endpoint} in the middle; what was read may be torn. Try again`,
    );
  }

  release(): Promise<void> {
    return this.#turns.end(() => this.#leave());
  }

  async #leave(): Promise<void> {
    const held = this.#holding;
    const failures = this.#qmp.state === 'ready' ? await this.#restore() : [];
    if (this.#qmp.state !== 'ready') {
      await this.#leaveTheLost(held);
      return;
    }
    await this.#qmp.close();
    await (failures.length === 0 ? this.#watchdog.disarm() : this.#watchdog.trigger());
    if (failures.length > 0) throw notRestored(this.endpoint, failures);
  }

  /** Puts everything back that can be put back. @returns what could not */
  async #restore(): Promise<readonly unknown[]> {
    const failures: unknown[] = [];
    const steps = [
      () => this.#standStillAgain(),
      () => this.#leaveStub(),
      () => this.#run(),
      () => this.#session?.abandon(),
      () => this.#ownStub?.remove(),
    ];
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }

  /**
   * QEMU is gone, perhaps while it was being left, and has nothing to restore: what failed for that reason is no news. But if
   * only the way to it is gone (a tunnel), the watchdog may still find one.
   */
  async #leaveTheLost(held: boolean): Promise<void> {
    await this.#session?.abandon();
    this.#ownStub?.forget();
    await this.#qmp.close();
    await (held ? this.#watchdog.trigger() : this.#watchdog.disarm());
  }
}

function notRestored(endpoint: string, failures: readonly unknown[]): GuestRunStateError {
  const [first] = failures;
  const what = first instanceof Error ? first.message : String(first);
  return new GuestRunStateError(
    'ERR_GUEST_NOT_RESTORED',
    `the guest behind ${endpoint} could not be left as it was found: ${what}. Check it with "info status", and "cont" if it should run`,
    { cause: first },
  );
}
