import { GdbBusyError, GdbClient } from '../../../protocols/gdb/index.ts';
import {
  isMigrating,
  QmpBusyError,
  QmpClient,
  queryMigrate,
  queryStatus,
  type RunStatus,
  stop,
} from '../../../protocols/qmp/internal.ts';
import { formatPrintable, identityOfFile, letEnd, type SocketIdentity } from '../../../protocols/transport/internal.ts';
import { GuestArchitectureError, GuestRunStateError, GuestStubError } from '../errors.ts';
import { nameHolder } from '../found/held-monitor.ts';
import type { DeviceStateFile } from '../monitor/device-state-file.ts';
import { FLAT_VIEWS, type Monitor, type MonitorCpu } from '../monitor/monitor.ts';
import { qmpMonitor } from '../monitor/qmp-monitor.ts';
import { findPeer } from '../peer/find-peer.ts';
import type { Peer } from '../peer/peer.ts';
import { isAlive } from '../peer/process-life.ts';
import { addLate, type LateConnections } from '../restore/late-connection.ts';
import { printRegisters } from '../restore/register-prints.ts';
import { Safekeeping } from '../restore/safekeeping.ts';
import { stubBecomesFree, watchServing } from '../restore/stub-turn.ts';
import { isOurPause } from '../resume/is-our-pause.ts';
import { leaveAfter } from '../resume/leave-after.ts';
import { leftToWatchdog } from '../resume/left-to-watchdog.ts';
import { resumeByQmp, stopStrayed } from '../resume/resume-by-qmp.ts';
import { strayed } from '../resume/strayed.ts';
import { canonicalEndpoint } from '../stub/canonical-endpoint.ts';
import { STUB_TURN_MS, StubAccess } from '../stub/stub-access.ts';
import { foreignStub } from '../stub/stub-location.ts';
import { LEAVE_TIMEOUT_MS, type StubOptions, StubSession } from '../stub/stub-session.ts';
import { type Processor, readProcessor } from '../vcpu/processor.ts';
import { type AttachOptions, DEFAULT_TIMEOUT_MS } from './attach-options.ts';
import { hearNews } from './hear-news.ts';
import type { GuestRun, Link, RunOptions } from './link.ts';
import { DEFAULT_MAX_PAUSE_MS, PauseDeadline } from './pause-deadline.ts';
import { type Recovery, recover } from './recover.ts';
import { ResumptionWatch } from './resumption-watch.ts';
import { runOnStub } from './run-on-stub.ts';
import { Turns } from './turns.ts';
import { leaveByMistake, undoStubPause } from './undo-stub-pause.ts';
import { warnWithoutWatchdog } from './warn-without-watchdog.ts';

/**
 * What is asked as soon as QEMU has greeted, and before anything is known of it: QEMU answers while its process is looked for on this host,
 * which takes this process longer.
 */
interface FirstAnswers {
  readonly target: Promise<string | undefined>;
  readonly cpus: Promise<readonly MonitorCpu[]>;
  /** Of what is at {@link USUAL_FIRST_CPU}, whatever that is. */
  readonly processor: Promise<Processor>;
  readonly views: Promise<string>;
}

/** Where machines of the types pc and q35 have the first vCPU. */
const USUAL_FIRST_CPU = '/machine/unattached/device[0]';

/**
 * So long it takes at most to resume a guest whose pause was too long, before it is left to the watchdog: more than a stub is waited for, and
 * less than the time after which the watchdog ends a client that seems stuck. Milliseconds.
 */
const RESUMED_WITHIN_MS = LEAVE_TIMEOUT_MS + 500;

/** Run states in which `stop` pauses nothing but spoils something: an incoming migration would not start the guest. */
const NEVER_STOP = new Set(['inmigrate']);

/**
 * A guest whose QMP socket we hold: run state is QMP's business alone, and exact. The stub is touched only while the guest
 * is paused.
 *
 * @internal
 */
export class QmpLink implements Link {
  readonly monitor: Monitor;
  readonly endpoint: string;
  readonly runStateCause = null;
  readonly asksLive = true;
  recoveries: readonly Recovery[] = [];
  readonly #first: FirstAnswers;
  readonly #qmp: QmpClient;
  readonly #options: AttachOptions;
  readonly #safekeeping: Safekeeping;
  readonly #stub: StubAccess;
  readonly #deadline: PauseDeadline;
  readonly #watch: ResumptionWatch;
  /** QEMU's process is at the other end of the monitor's own connection: that breaks only with QEMU. */
  readonly #isDirect: boolean;
  #session: StubSession | undefined;
  /** A connection to the stub that was not waited for to the end: QEMU pauses the guest when it takes it up. */
  #lateSession: Promise<unknown> | undefined;
  /** Those that got no answer: QEMU may take them up yet. */
  #late: LateConnections | undefined;
  #ranBefore: boolean | undefined;
  /** We stopped the guest, and have not resumed it. */
  #holding = false;
  /** It was let run in this pause: what it stops in then (`debug`) is no other client's doing. */
  #hasRun = false;
  readonly #turns = new Turns();

  private constructor(
    qmp: QmpClient,
    [monitor, first]: readonly [Monitor, FirstAnswers],
    peer: Peer,
    qmpEndpoint: string,
    options: AttachOptions,
    safekeeping: Safekeeping,
  ) {
    this.#qmp = qmp;
    this.#options = options;
    this.#safekeeping = safekeeping;
    this.endpoint = qmp.endpoint;
    this.#stub = new StubAccess({ qmp, qmpEndpoint, named: options.gdb, monitor, peer, safekeeping });
    this.#isDirect = peer.kind === 'process';
    this.monitor = monitor;
    this.#first = first;
    this.#deadline = new PauseDeadline(options.maxPauseMs ?? DEFAULT_MAX_PAUSE_MS, this.endpoint, (error) =>
      this.#endPause(error),
    );
    this.#watch = new ResumptionWatch({
      endpoint: this.endpoint,
      onResumption: (error) => this.#session?.lose(error),
      areEventsLate: qmp.areEventsLate,
      onDoubt: () => void this.findResumption(),
    });
    qmp.onClosed((reason) => this.#session?.lose(reason));
    qmp.onEvent(({ event }) => {
      this.#watch.onEvent(event);
      if (event === 'STOP' && !this.#holding && this.#late !== undefined) this.#undoLateInTurn();
    });
  }

  /** Connects to the monitor, and puts back what a killed client has left. The guest is not disturbed. */
  static async open(qmpEndpoint: string, options: AttachOptions): Promise<QmpLink> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, trace, signal } = options;
    const qmp = await QmpClient.connect(qmpEndpoint, {
      timeoutMs,
      requestTimeoutMs: timeoutMs,
      ...(trace ? { trace } : {}),
      ...(signal ? { signal } : {}),
    }).catch(async (error: unknown) => {
      // First of all: what does not greet may be a stub, and has paused the guest.
      const told = await undoStubPause(qmpEndpoint, timeoutMs, error);
      throw told instanceof QmpBusyError ? (nameHolder(qmpEndpoint, told) ?? told) : told;
    });
    if (options.background === true) letEnd(qmp.connection);
    const monitor = qmpMonitor(qmp);
    const first = askFirst(monitor);
    const name = canonicalEndpoint(qmpEndpoint);
    const peer = findPeer(qmp.connection);
    const qemu = peer.kind === 'process' ? { pid: peer.pid, startTime: peer.identity.startTime } : null;
    const safekeeping = new Safekeeping({
      endpoint: name,
      qemu,
      qmp: name,
      qmpFile: peer.kind === 'process' ? fileOf(qmp) : undefined,
      enabled: options.watchdog ?? true,
      endsStuckClient: options.endWhenStuck === true && Number.isFinite(options.maxPauseMs ?? 0),
    });
    const link = new QmpLink(qmp, [monitor, first], peer, qmpEndpoint, options, safekeeping);
    try {
      await link.#requireX86();
      link.recoveries = await recover(qmp, { endpoint: name, qemu });
      await link.#stub.handOver();
      return link;
    } catch (error) {
      return await leaveAfter(error, () => link.release());
    }
  }

  get peer(): Peer {
    return this.#stub.peer;
  }

  get isStubProven(): boolean {
    return this.#stub.isProven;
  }

  get ranBefore(): boolean | undefined {
    return this.#ranBefore;
  }

  firstCpus(): Promise<readonly MonitorCpu[]> {
    return this.#first.cpus;
  }

  firstProcessor(qomPath: string | undefined): Promise<Processor> {
    return qomPath === USUAL_FIRST_CPU ? this.#first.processor : readProcessor(this.monitor, qomPath);
  }

  firstViews(): Promise<string> {
    return this.#first.views;
  }

  async #requireX86(): Promise<void> {
    const target = (await this.#first.target) ?? 'unknown';
    if (target !== 'x86_64' && target !== 'i386') throw new GuestArchitectureError(target, this.endpoint);
  }

  pause(): Promise<StubSession> {
    return this.#turns.take(async () => {
      // Paused already, by us: who ran before is known from then.
      if (this.#holding && this.#watch.problem === undefined) return this.#enterStub();
      await warnWithoutWatchdog(this.#safekeeping);
      await this.#stub.find();
      this.#stub.planFolder();
      await this.#undoTakenUp();
      const [{ status, running }, migration] = await Promise.all([queryStatus(this.#qmp), queryMigrate(this.#qmp)]);
      // It might end while the guest is paused: its destination would stay paused, and resuming here would make it two guests.
      if (running && isMigrating(migration)) throw migrating(this.endpoint, migration.status ?? '');
      // What may be another guest's stub is not left for this one.
      const isKnown = !this.#stub.mayBeForeign || this.#session !== undefined;
      await this.#safekeeping.arm({ resume: running, ...(isKnown ? this.#stub.toLeave : {}) });
      this.#ranBefore = running;
      if (!NEVER_STOP.has(status)) await this.#stop();
      return this.#enterStub();
    });
  }

  async #enterStub(): Promise<StubSession> {
    try {
      // No byte goes to the stub of a guest that may run.
      this.checkStillPaused();
      this.#session ??= await this.#openStub();
      await this.#deadline.within(this.#session.enter());
      return this.#session;
    } catch (error) {
      throw (await this.findResumption()) ?? error;
    }
  }

  /**
   * Who ran before is asked, right before the guest is stopped, and in one write with it: events tell it only on a direct
   * connection, as a proxy may deliver them before or after the replies, or never.
   */
  async #stop(): Promise<void> {
    this.#watch.arm();
    this.#hasRun = false;
    this.#beginDeadline();
    this.#holding = true;
    const stopped = [this.#askAndNote(), stop(this.#qmp)] as const;
    this.#noteFirstRegisters();
    const [before] = await this.#deadline.within(Promise.all(stopped));
    // From 9.1 on `stop` pauses a suspended guest (S3) too, and `cont` makes it suspended again.
    const wasPaused = before.status === 'suspended' && (await queryStatus(this.#qmp)).status !== before.status;
    this.#settle(before.running || wasPaused);
    // A pause by another client has no deadline of ours.
    if (this.#ranBefore === false) this.#endDeadline();
  }

  #beginDeadline(): void {
    this.#deadline.start();
    this.#safekeeping.expectResume(this.#deadline.maxMs);
  }

  #endDeadline(): void {
    this.#deadline.stop();
    this.#safekeeping.expectResume(null);
  }

  /**
   * In the same write, so that hardly a moment of the pause is without a print by which a later client knows it. Nothing waits for
   * it: QEMU takes the text in while the stub is being connected.
   */
  #noteFirstRegisters(): void {
    this.#qmp
      .hmp('info registers')
      .then((text) => this.noteRegisters(text))
      .catch(() => {});
  }

  /** What is known of the run state counts even if the reply to `stop` never comes: QEMU may carry it out later. */
  async #askAndNote(): Promise<RunStatus> {
    const status = await queryStatus(this.#qmp);
    this.#settle(status.running);
    return status;
  }

  #settle(ran: boolean): void {
    if (ran !== this.#ranBefore) this.#safekeeping.note({ resume: ran });
    this.#ranBefore = ran;
    this.#watch.expectStop(ran);
  }

  async #openStub(): Promise<StubSession> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, trace, background = false } = this.#options;
    let hasGreeted = false;
    const options: StubOptions = {
      endpoint: this.#stub.endpoint,
      onStop: () => {
        hasGreeted = true;
      },
      timeoutMs: this.#deadline.boundConnecting(timeoutMs),
      requestTimeoutMs: timeoutMs,
      connect: this.#stub.connect,
      awaitTurn: () => this.#stub.awaitTurn(),
      ...(trace ? { trace } : {}),
      ...(background ? { onConnection: letEnd } : {}),
    };
    const opening = this.#openProven(options, () => hasGreeted);
    const serving = watchServing(this.#qmp, this.#stub.endpoint, opening);
    try {
      const session = await this.#deadline.within(opening);
      // It has had its turn, and all that came before it.
      this.#setLate(undefined);
      return session;
    } catch (error) {
      this.#lateSession = opening.then(
        (session) => this.#undoLate(session),
        (failure: unknown) => {
          this.#noteUnanswered(failure, serving.isSeen);
          return this.#undoLate();
        },
      );
      // Who leaves the guest waits for it, perhaps only after it has failed.
      this.#lateSession.catch(() => {});
      throw error instanceof GdbBusyError ? await this.#silentStub(error) : error;
    }
  }

  /**
   * One that the caller named is another guest's if QEMU does not serve this connection. That guest is left as it was found,
   * before anything else is asked there.
   */
  async #openProven(options: StubOptions, hasGreeted: () => boolean): Promise<StubSession> {
    const session = await StubSession.open(options);
    if (!this.#stub.mayBeForeign) return session;
    const { endpoint, timeoutMs } = options;
    let outcome: string;
    try {
      const isOwn = await this.#stub.seesConnection();
      this.#stub.isProven = isOwn === true;
      if (isOwn !== false) {
        this.#safekeeping.note(this.#stub.toLeave);
        return session;
      }
      const open = (): Promise<GdbClient> => GdbClient.open(endpoint, { timeoutMs });
      outcome = await leaveByMistake(session.client, hasGreeted(), open);
    } catch (error) {
      await session.abandon();
      throw error;
    }
    throw foreignStub(endpoint, `QEMU behind ${this.endpoint} has one that serves no one. ${outcome}`);
  }

  #noteUnanswered(failure: unknown, wasServed: boolean): void {
    // A stub of our own goes with us, and all that waits for it.
    if (!(failure instanceof GdbBusyError) || this.#stub.isOfOurs) return;
    this.#setLate(addLate(this.#late, { stub: canonicalEndpoint(this.#stub.endpoint), count: 1, wasServed }));
  }

  #setLate(late: LateConnections | undefined): void {
    if (late === this.#late) return;
    this.#late = late;
    this.#safekeeping.note({ late });
  }

  async #silentStub(cause: GdbBusyError): Promise<GuestStubError> {
    const stub = this.#stub.endpoint;
    const isGuarded = this.#options.watchdog !== false && (await this.#safekeeping.problem()) === '';
    const then = isGuarded ? 'the watchdog resumes it then' : 'nothing resumes it then but "cont" in its monitor';
    return new GuestStubError(
      'ERR_GUEST_STUB_UNREACHABLE',
      stub,
      `the GDB stub at ${stub} said nothing for ${cause.timeoutMs} ms: the way to it is slow, or it serves another debugger, or there is none. The guest is left as it was found. QEMU may take the connection up when this client has left, which pauses the guest: ${then}. For a slow way allow more time (--timeout, --max-pause)`,
      { cause },
    );
  }

  /** What QEMU took up or heard of the connection after the pause was over has paused a guest that runs. */
  async #undoLate(session?: StubSession): Promise<void> {
    await session?.abandon();
    if (this.#holding || this.#ranBefore !== true || this.#qmp.state !== 'ready') return;
    if (isOurPause((await queryStatus(this.#qmp)).status)) await this.#contOrStop();
  }

  #undoLateInTurn(): void {
    // Where the guest is being left the watchdog looks.
    this.#turns.take(() => this.#undoTakenUp()).catch(() => {});
  }

  /** A connection that QEMU has taken up late has paused the guest; a debugger that the stub serves has done so on purpose. */
  async #undoTakenUp(): Promise<void> {
    const late = this.#late;
    if (late === undefined || this.#holding || this.#ranBefore !== true) return;
    if (!isOurPause((await queryStatus(this.#qmp)).status)) return;
    if (!(await stubBecomesFree(this.#qmp, late.stub, STUB_TURN_MS))) return;
    await this.#undoLate();
    this.#setLate(late.count > 1 ? { ...late, count: late.count - 1 } : undefined);
  }

  deviceStateFile(): Promise<DeviceStateFile> {
    return this.#stub.deviceStateFile();
  }

  noteRegisters(text: string): void {
    if (this.#holding) this.#safekeeping.noteRegisters(printRegisters(text));
  }

  run(options: RunOptions): Promise<GuestRun> {
    return this.#turns.take(async () => {
      if (!this.#holding || this.#session === undefined) {
        throw new GuestRunStateError('ERR_GUEST_NOT_PAUSED', 'only a guest that is paused here can be let run');
      }
      this.checkStillPaused();
      // What is heard now are the RESUMEs and STOPs of this run.
      this.#watch.disarm();
      this.#hasRun = true;
      // A guest that runs waits for no one.
      this.#endDeadline();
      try {
        return await runOnStub(this.#session.client, options);
      } finally {
        if (this.#ranBefore !== false) this.#beginDeadline();
        // Events come before replies: with this one, those of the run are in.
        if (this.#qmp.state === 'ready') await queryStatus(this.#qmp);
        this.#watch.armAfterRun();
      }
    });
  }

  resume(): Promise<void> {
    return this.#turns.take(() => this.#resumeNow());
  }

  async #resumeNow(): Promise<void> {
    await this.#pauseAgain();
    // A stub that fails must not keep the guest paused: QMP resumes it all the same.
    const failure = await this.#leaveStub().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    await this.#run();
    this.#endDeadline();
    if (failure !== undefined) throw failure.error;
    this.#safekeeping.relax();
  }

  /** The deadline of the pause: what is under way fails, and the guest runs again as soon as the step under way lets it. */
  #endPause(error: GuestRunStateError): void {
    this.#watch.spoil(error);
    this.#session?.lose(error);
    const overdue = setTimeout(() => void this.#leaveToWatchdog(), RESUMED_WITHIN_MS);
    // What cannot be put back now is tried again, and reported, when the guest is left.
    this.#turns
      .take(() => this.#resumeNow())
      // Where the guest is being left, that resumes it.
      .catch(() => (this.#holding ? this.#turns.over() : undefined))
      .finally(() => clearTimeout(overdue));
  }

  /** The monitor does not answer: the watchdog comes by a connection of its own, which one that is held here would keep it from. */
  async #leaveToWatchdog(): Promise<void> {
    if (this.#options.watchdog === false) return;
    await this.#qmp.close().catch(() => {});
    await this.#safekeeping.trigger();
  }

  /** Another client has resumed the guest: a byte to the stub would stop it, so it is stopped properly first. */
  async #pauseAgain(): Promise<void> {
    await this.hearNews();
    if (!this.#watch.wasResumed || !this.#holding) return;
    await stop(this.#qmp);
    this.#ranBefore = true;
  }

  /**
   * Puts the stub's mode back. If the guest is to run, it does so from there: the stub hands a command to the monitor at once,
   * which QMP does at 4.5 microseconds a byte, so that the pause is a third of a millisecond shorter.
   */
  async #leaveStub(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    if (!this.#holding) return this.#cleanStub(session);
    if (!this.#ranBefore) return session.leavePhysicalMode();
    // The RESUME event is ours.
    this.#watch.disarm();
    const resumed = await session
      .leaveAndRun((status) => this.#isOurs(status))
      .catch((error: unknown) => this.#leaveStubAnew(session, error));
    // QMP says why not.
    if (resumed === undefined || resumed.kind === 'refused') return;
    // A stub of another QEMU, named by mistake, has resumed that one's guest; ours is resumed by QMP then.
    if (!this.isStubProven && resumed.kind === 'runs' && !(await queryStatus(this.#qmp)).running) return;
    this.#holding = false;
    this.#watch.resumed();
    if (resumed.kind === 'strayed') {
      const stopped = stopStrayed(this.#qmp);
      this.#forgetPause();
      await stopped;
      throw strayed(this.endpoint, resumed.from);
    }
  }

  /** What is paused from now on is not so by us: a client that comes after us has nothing to resume. */
  #forgetPause(): void {
    this.#safekeeping.note({ resume: false });
  }

  async #contOrStop(): Promise<void> {
    const from = await resumeByQmp(this.#qmp, (status) => this.#isOurs(status));
    if (from === undefined) return;
    this.#holding = false;
    this.#forgetPause();
    throw strayed(this.endpoint, from);
  }

  /**
   * The stub of a guest that another client resumes in this moment swallows a packet, and answers the one behind it. The guest is
   * stopped once more, and the stub told over a new connection.
   */
  async #leaveStubAnew(session: StubSession, error: unknown): Promise<void> {
    // It was waited for long enough, unless another client is why it says nothing.
    if (error instanceof GuestStubError) {
      const isSilent = error.code === 'ERR_GUEST_STUB_UNREACHABLE';
      if (!isSilent || !(await queryStatus(this.#qmp)).running) throw error;
    }
    await stop(this.#qmp);
    session.lose(error instanceof Error ? error : new Error(String(error)));
    await session.leavePhysicalMode().catch(() => {
      throw error;
    });
  }

  /**
   * For what could not be put back while the guest was paused: its stub's mode, and a connection that pauses it later. A byte to
   * the stub of a running guest pauses it, so all that there is to wait for comes before that.
   */
  async #cleanStub(session: StubSession): Promise<void> {
    if (!session.isPhysical && !session.mayPauseLater) return;
    // Its own connection is what the stub serves then.
    if (!(await session.settle())) {
      await session.closeFailed();
      await this.#stub.awaitTurn();
    }
    const { status, running } = await queryStatus(this.#qmp);
    const mustRun = running || (session.mayPauseLater && this.#ranBefore === true && this.#isOurs(status));
    if (running) await stop(this.#qmp);
    try {
      await session.renew();
      await session.leavePhysicalMode();
    } finally {
      if (mustRun) await this.#contOrStop();
    }
  }

  /** Resumes what we paused. A guest that is in another state by now (a migration has ended) is not ours to resume. */
  async #run(): Promise<void> {
    if (!this.#holding) return;
    this.#watch.disarm();
    if (this.#ranBefore) {
      const { status, running } = await queryStatus(this.#qmp);
      if (!running && !this.#isOurs(status)) {
        this.#holding = false;
        throw new GuestRunStateError(
          'ERR_GUEST_NOT_RESTORED',
          `the guest behind ${this.endpoint} ran before it was paused, and is in the state "${status}" now: another client has done that, so it is not resumed`,
        );
      }
      if (!running) {
        await this.#contOrStop();
        this.#watch.resumed();
      }
    }
    this.#holding = false;
  }

  #isOurs(status: string): boolean {
    return isOurPause(status) || (this.#hasRun && status === 'debug');
  }

  checkStillPaused(): void {
    const problem = this.#watch.problem;
    if (problem !== undefined) throw problem;
  }

  /** Where events come late the run state is asked for, too: what was read from a guest that runs must be no answer. */
  async hearNews(): Promise<void> {
    await hearNews();
    if (this.#qmp.areEventsLate) await this.findResumption();
  }

  async findResumption(): Promise<Error | undefined> {
    // Events come before replies: once there is one, all that has happened so far is known.
    if (this.#holding && this.#watch.problem === undefined) {
      const status = await queryStatus(this.#qmp).catch(() => undefined);
      if (status?.running === true) this.#watch.onRunning();
    }
    return this.#watch.problem;
  }

  release(): Promise<void> {
    return this.#turns.end(() => this.#leave());
  }

  async #leave(): Promise<void> {
    const held = this.#holding;
    // It is over soon: the attempt ends little later than the pause.
    await this.#lateSession?.catch(() => {});
    const failures = this.#qmp.state === 'ready' ? await this.#restore() : [];
    this.#deadline.stop();
    if (this.#qmp.state !== 'ready') {
      await this.#leaveTheLost(held);
      return;
    }
    await this.#qmp.close();
    // By its registers that pause would be another client's.
    if (this.#session?.mayPauseLater === true) this.#safekeeping.forgetRegisters();
    if (failures.length > 0) {
      await this.#safekeeping.trigger();
      throw notRestored(this.endpoint, failures);
    }
    await (this.#late === undefined ? this.#safekeeping.disarm() : this.#safekeeping.leaveLate(this.#late));
  }

  /** Puts everything back that can be put back. @returns what could not */
  async #restore(): Promise<readonly unknown[]> {
    const failures: unknown[] = [];
    const steps = [
      () => this.#pauseAgain(),
      () => this.#leaveStub(),
      () => this.#run(),
      () => Promise.resolve(this.#endDeadline()),
      () => this.#session?.abandon(),
      () => this.#stub.remove(),
      () => this.#stub.takeBackHanded(),
      () => Promise.resolve(this.#stub.removeDirectory()),
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
    await this.#qmp.close();
    const { identity } = this.#stub.process ?? {};
    const hasEnded = identity !== undefined && !isAlive(identity);
    const hasNothing = !held && !this.#stub.hasMade;
    if (hasEnded || hasNothing) {
      this.#stub.removeDirectory();
      await this.#safekeeping.disarm();
      return;
    }
    const hasWatchdog = await this.#safekeeping.trigger();
    // There is no one else who would.
    if (this.#options.watchdog === false) this.#stub.removeDirectory();
    // Who asked was told already where the pause has come to an end by itself.
    const isTold = hasWatchdog && this.#watch.problem !== undefined;
    if (!this.#isDirect && this.#holding && this.#ranBefore === true && !isTold)
      throw leftToWatchdog(this.endpoint, hasWatchdog, 'the way to its monitor is gone');
  }
}

/** Of a monitor's unix socket. */
function fileOf({ connection: { socket } }: QmpClient): SocketIdentity | undefined {
  return socket?.kind === 'unix' && socket.file !== undefined ? identityOfFile(socket.file) : undefined;
}

function askFirst(monitor: Monitor): FirstAnswers {
  const first = {
    target: monitor.target(),
    cpus: monitor.listCpus(),
    processor: readProcessor(monitor, USUAL_FIRST_CPU),
    views: monitor.hmp(FLAT_VIEWS),
  };
  // Who needs one hears of its failure.
  for (const answer of Object.values(first)) answer.catch(() => {});
  return first;
}

function migrating(endpoint: string, status: string): GuestRunStateError {
  return new GuestRunStateError(
    'ERR_GUEST_MIGRATING',
    `the guest behind ${endpoint} is being migrated or saved (${formatPrintable(status)}), and pausing it now could break that. Nothing was touched: try again when it has ended, or ask without a pause (--live)`,
  );
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
