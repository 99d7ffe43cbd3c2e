import { GdbBusyError, GdbClient } from '../../../protocols/gdb/index.ts';
import {
  type ChardevInfo,
  handFile,
  isMigrating,
  QmpBusyError,
  QmpClient,
  queryChardev,
  queryMigrate,
  queryStatus,
  type RunStatus,
  removeHandedFiles,
  stop,
} from '../../../protocols/qmp/internal.ts';
import {
  type DescriptorCarrier,
  type Endpoint,
  formatEndpoint,
  formatPrintable,
  type HandedFile,
  letEnd,
  parseEndpoint,
} from '../../../protocols/transport/internal.ts';
import type { StubCause } from '../causes/peer-cause.ts';
import { GuestArchitectureError, GuestRunStateError, GuestStubError, GuestUsageError } from '../errors.ts';
import { nameHolder } from '../found/held-monitor.ts';
import type { DeviceStateFile } from '../monitor/device-state-file.ts';
import { FLAT_VIEWS, type Monitor, type MonitorCpu } from '../monitor/monitor.ts';
import { qmpMonitor } from '../monitor/qmp-monitor.ts';
import { findHolderOf, findPeer } from '../peer/find-peer.ts';
import { belongsTo, findOtherListener, listensAt } from '../peer/listens-at.ts';
import type { Peer, PeerProcess } from '../peer/peer.ts';
import { isAlive } from '../peer/process-life.ts';
import { addLate, type LateConnections } from '../restore/late-connection.ts';
import {
  connectStub,
  type DirectoryPlan,
  PrivateDirectory,
  planBesideSocket,
  planPrivateDirectory,
  whereIs,
} from '../restore/private-directory.ts';
import { printRegisters } from '../restore/register-prints.ts';
import { Safekeeping } from '../restore/safekeeping.ts';
import { isStubBusy, seesConnection, stubBecomesFree, watchServing } from '../restore/stub-turn.ts';
import { isOurPause } from '../resume/is-our-pause.ts';
import { leaveAfter } from '../resume/leave-after.ts';
import { leftToWatchdog } from '../resume/left-to-watchdog.ts';
import { resumeByQmp, stopStrayed } from '../resume/resume-by-qmp.ts';
import { strayed } from '../resume/strayed.ts';
import { readChardevUse } from '../stub/chardev-use.ts';
import { HandedStub, newHandedId } from '../stub/handed-stub.ts';
import { OwnStub } from '../stub/own-stub.ts';
import { busy, checkNamedStub, foreignStub, isLocal, locateStub } from '../stub/stub-location.ts';
import { LEAVE_TIMEOUT_MS, type StubOptions, StubSession } from '../stub/stub-session.ts';
import { type Processor, readProcessor } from '../vcpu/processor.ts';
import { type AttachOptions, DEFAULT_TIMEOUT_MS } from './attach-options.ts';
import { canonicalEndpoint } from './canonical-endpoint.ts';
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

interface HandedStateFile {
  /** As QEMU names it. */
  readonly path: string;
  readonly file: HandedFile;
}

/** The device state of a large machine has megabytes; more than this is no device state. */
const MAX_STATE_BYTES = 256 * 1024 * 1024;

/**
 * So long it takes at most to resume a guest whose pause was too long, before it is left to the watchdog: more than a stub is waited for, and
 * less than the time after which the watchdog ends a client that seems stuck. Milliseconds.
 */
const RESUMED_WITHIN_MS = LEAVE_TIMEOUT_MS + 500;
/** So long QEMU may take to hear of the end of a connection to its stub. */
const STUB_TURN_MS = 1500;

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
  peer: Peer;
  readonly runStateCause = null;
  readonly asksLive = true;
  recoveries: readonly Recovery[] = [];
  isStubProven = false;
  readonly #first: FirstAnswers;
  readonly #qmp: QmpClient;
  readonly #options: AttachOptions;
  readonly #safekeeping: Safekeeping;
  readonly #deadline: PauseDeadline;
  readonly #watch: ResumptionWatch;
  readonly #qmpEndpoint: string;
  /** QEMU's process is at the other end of the monitor's own connection: that breaks only with QEMU. */
  readonly #isDirect: boolean;
  #stubEndpoint: string | undefined;
  /** Before a stub was connected. */
  #devices: readonly ChardevInfo[] = [];
  #ownStub: OwnStub | undefined;
  #directory: PrivateDirectory | undefined;
  #handedStub: HandedStub | undefined;
  #handedFile: HandedStateFile | undefined;
  /** Why nothing can be handed over, where it was tried; what may be in QEMU all the same is taken back when it is left. */
  #handingProblem = '';
  /** What was handed over becomes the stub. */
  #usesHandedStub = false;
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
    this.#qmpEndpoint = qmpEndpoint;
    this.#qmp = qmp;
    this.#options = options;
    this.#safekeeping = safekeeping;
    this.endpoint = qmp.endpoint;
    this.peer = peer;
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
      enabled: options.watchdog ?? true,
      endsStuckClient: options.endWhenStuck === true && Number.isFinite(options.maxPauseMs ?? 0),
    });
    const link = new QmpLink(qmp, [monitor, first], peer, qmpEndpoint, options, safekeeping);
    try {
      await link.#requireX86();
      link.recoveries = await recover(qmp, { endpoint: name, qemu });
      await link.#handOver();
      return link;
    } catch (error) {
      return await leaveAfter(error, () => link.release());
    }
  }

  get #process(): PeerProcess | undefined {
    return this.peer.kind === 'process' ? this.peer : undefined;
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

  /**
   * Hands QEMU one end of a connection for a stub, and a file for its device state, where there is a way. The guest is not disturbed;
   * and who holds the end that was handed over is QEMU's process, by the kernel's word.
   */
  async #handOver(): Promise<void> {
    const { carrier } = this.#qmp.connection;
    if (carrier === undefined || this.#handedStub !== undefined) return;
    const id = newHandedId();
    await this.#safekeeping.arm({ handed: id });
    const stub = new HandedStub(this.#qmp, carrier, id);
    this.#handedStub = stub;
    try {
      const handed = await stub.prepare();
      if (this.peer.kind === 'unknown') this.peer = await findHolderOf(handed);
    } catch (error) {
      if (this.#qmp.state !== 'ready') throw error;
      this.#handingProblem = error instanceof Error ? error.message : String(error);
      if (!stub.isThere) this.#handedStub = undefined;
    }
  }

  /** Settles where the stub is, before the guest is disturbed. */
  async #findStub(): Promise<void> {
    const qmp = parseEndpoint(this.#qmpEndpoint);
    const chardevs = await queryChardev(this.#qmp);
    this.#devices = chardevs;
    if (this.#options.gdb !== undefined) {
      const stub = formatEndpoint(parseEndpoint(this.#options.gdb));
      this.isStubProven = this.#isQemus(stub);
      if (!this.isStubProven) this.#refuseOthers(stub);
      checkNamedStub(chardevs, stub, this.endpoint);
      await this.#requireTurn(chardevs, stub);
      this.#stubEndpoint = this.#options.gdb;
      return;
    }
    const location = await locateStub(chardevs, qmp, () => readChardevUse(this.monitor, this.#process?.pid));
    if (location.kind === 'listening') {
      this.isStubProven = this.#isQemus(location.endpoint);
      if (!this.isStubProven) this.#requireOwn(location.endpoint, qmp);
      this.#stubEndpoint = location.endpoint;
      // For the device state.
      if (!this.#sharesFolders()) await this.#startHanding();
      return;
    }
    await this.#startStub(qmp);
    // QEMU was told to start it by the monitor, and only it can reach the other end.
    this.isStubProven = true;
  }

  /** The caller named it, and may have named another guest's. */
  get #mayBeForeign(): boolean {
    return this.#options.gdb !== undefined && !this.isStubProven;
  }

  /** QEMU's process is known, and listens there. */
  #isQemus(endpoint: string): boolean {
    const stub = parseEndpoint(endpoint);
    return this.#process !== undefined && isLocal(stub) && listensAt(this.#process.pid, stub);
  }

  /** Connecting to it would pause that guest. @throws GuestStubError */
  #refuseOthers(stub: string): void {
    const own = this.#process?.pid;
    const endpoint = parseEndpoint(stub);
    const other = own !== undefined && isLocal(endpoint) ? findOtherListener(own, endpoint) : undefined;
    if (other === undefined) return;
    const how = `QEMU ${other} listens there, and QEMU ${own} is behind ${this.endpoint}. Nothing was touched`;
    throw foreignStub(stub, how);
  }

  /** A stub that is named by another way than its own: what came before by that way may be about to end. @throws GuestStubError */
  async #requireTurn(chardevs: readonly ChardevInfo[], stub: string): Promise<void> {
    if (isStubBusy(chardevs, stub) && !(await stubBecomesFree(this.#qmp, stub, STUB_TURN_MS))) throw busy(stub);
  }

  /** Has a stub started, in the first way that works. @throws GuestStubError that lists what was tried. */
  async #startStub(qmp: Endpoint): Promise<void> {
    const tried: string[] = [];
    const isThere = isLocal(qmp);
    // What was handed over when the link was opened is there already.
    const isHanded = this.#handedStub !== undefined && this.#handingProblem === '';
    if (!isHanded && isThere && this.#sharesFolders() && (await this.#startOwnStub(qmp, tried))) return;
    await this.#startHanding();
    if (this.#handedStub !== undefined && this.#handingProblem === '') {
      this.#usesHandedStub = true;
      this.#stubEndpoint = this.#handedStub.endpoint;
      return;
    }
    if (this.#handingProblem !== '') tried.push(`${howHanded(qmp)} (${this.#handingProblem})`);
    if (isThere && !this.#sharesFolders() && (await this.#startOwnStub(qmp, tried))) return;
    throw cannotStart(this.endpoint, qmp, tried);
  }

  /** QEMU can make files where we can: its user is ours, or we are root, and we know its root. */
  #sharesFolders(): boolean {
    const uid = process.geteuid?.();
    return this.#process !== undefined && (uid === 0 || this.#process.uid === uid);
  }

  async #startHanding(): Promise<void> {
    const { connection } = this.#qmp;
    if (this.#handedStub !== undefined || connection.prepareCarrier === undefined) return;
    try {
      await connection.prepareCarrier();
    } catch (error) {
      this.#handingProblem = (error as Error).message;
      return;
    }
    await this.#handOver();
  }

  /** @param tried - is added to @returns whether there is one now */
  async #startOwnStub(qmp: Endpoint, tried: string[]): Promise<boolean> {
    await this.#safekeeping.arm({});
    for (const makePlan of this.#foldersFor(qmp)) {
      let where = '';
      try {
        const plan = makePlan();
        if (plan === undefined) continue;
        where = `in ${whereIs(plan)} `;
        this.#ownStub = await OwnStub.start(this.#qmp, this.#safekeeping, this.#makeDirectory(plan));
        this.#stubEndpoint = this.#ownStub.endpoint;
        return true;
      } catch (error) {
        if (this.#qmp.state !== 'ready') throw error;
        tried.push(`${where}(${(error as Error).message})`.trim());
        this.#directory?.remove();
        this.#directory = undefined;
      }
    }
    return false;
  }

  #foldersFor(qmp: Endpoint): (() => DirectoryPlan | undefined)[] {
    const pid = this.#process?.pid;
    return [() => planPrivateDirectory(pid), ...(qmp.kind === 'unix' ? [() => planBesideSocket(qmp.path)] : [])];
  }

  /** The stub is where QEMU says, and not proven to be QEMU's: it must be of the same user at least, where QEMU is on this host. */
  #requireOwn(endpoint: string, qmp: Endpoint): void {
    if (!isLocal(qmp)) return;
    const stub = parseEndpoint(endpoint);
    const { socket } = this.#qmp.connection;
    const owner = socket?.kind === 'unix' ? socket.file?.uid : undefined;
    if (this.#process === undefined && owner !== undefined && belongsTo(owner, stub)) return;
    const { peer } = this;
    throw new GuestStubError(
      'ERR_GUEST_STUB_UNREACHABLE',
      endpoint,
      `QEMU behind ${this.endpoint} names ${formatPrintable(endpoint)} as its GDB stub, and that is not proven to be its own; if it is, pass it with --gdb`,
      { unproven: whyUnproven(peer) },
    );
  }

  pause(): Promise<StubSession> {
    return this.#turns.take(async () => {
      // Paused already, by us: who ran before is known from then.
      if (this.#holding && this.#watch.problem === undefined) return this.#enterStub();
      await warnWithoutWatchdog(this.#safekeeping);
      if (this.#stubEndpoint === undefined) await this.#findStub();
      await this.#undoTakenUp();
      const [{ status, running }, migration] = await Promise.all([queryStatus(this.#qmp), queryMigrate(this.#qmp)]);
      // It might end while the guest is paused: its destination would stay paused, and resuming here would make it two guests.
      if (running && isMigrating(migration)) throw migrating(this.endpoint, migration.status ?? '');
      // What may be another guest's stub is not left for this one.
      const isKnown = !this.#mayBeForeign || this.#session !== undefined;
      await this.#safekeeping.arm({ resume: running, ...(isKnown ? this.#stubToLeave() : {}) });
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
      endpoint: this.#requireStub(),
      onStop: () => {
        hasGreeted = true;
      },
      timeoutMs: this.#deadline.boundConnecting(timeoutMs),
      requestTimeoutMs: timeoutMs,
      connect: this.#connectToStub(),
      awaitTurn: () => this.#awaitStub(),
      ...(trace ? { trace } : {}),
      ...(background ? { onConnection: letEnd } : {}),
    };
    const opening = this.#openProven(options, () => hasGreeted);
    const serving = watchServing(this.#qmp, this.#requireStub(), opening);
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
    if (!this.#mayBeForeign) return session;
    const { endpoint, timeoutMs } = options;
    let outcome: string;
    try {
      const isOwn = seesConnection(this.#devices, await queryChardev(this.#qmp), endpoint);
      this.isStubProven = isOwn === true;
      if (isOwn !== false) {
        this.#safekeeping.note(this.#stubToLeave());
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
    if (!(failure instanceof GdbBusyError) || this.#ownStub !== undefined || this.#usesHandedStub) return;
    this.#setLate(addLate(this.#late, { stub: canonicalEndpoint(this.#requireStub()), count: 1, wasServed }));
  }

  #setLate(late: LateConnections | undefined): void {
    if (late === this.#late) return;
    this.#late = late;
    this.#safekeeping.note({ late });
  }

  async #silentStub(cause: GdbBusyError): Promise<GuestStubError> {
    const stub = this.#requireStub();
    const isGuarded = this.#options.watchdog !== false && (await this.#safekeeping.problem()) === '';
    const then = isGuarded ? 'the watchdog resumes it then' : 'nothing resumes it then but "cont" in its monitor';
    return new GuestStubError(
      'ERR_GUEST_STUB_UNREACHABLE',
      stub,
      `the GDB stub at ${stub} said nothing for ${cause.timeoutMs} ms: the way to it is slow, or it serves another debugger, or there is none. The guest is left as it was found. QEMU may take the connection up when this client has left, which pauses the guest: ${then}. For a slow way allow more time (--timeout, --max-pause)`,
      { cause },
    );
  }

  #connectToStub(): StubOptions['connect'] {
    if (this.#usesHandedStub) return () => this.#requireHandedStub().connect();
    const { host } = this.#qmp.connection;
    const [there, monitor] = [parseEndpoint(this.#requireStub()), parseEndpoint(this.#qmpEndpoint)];
    if (host !== undefined && there.kind === 'host' && monitor.kind === 'host' && there.command === monitor.command) {
      const { target } = there;
      // What QEMU names must be its own; what the user names need not be proven.
      const holder = this.#options.gdb === undefined ? this.#remotePid() : undefined;
      if (target.kind === 'unix' || target.kind === 'tcp')
        return (timeoutMs) => host.connect(target, { timeoutMs, holder });
    }
    const { plan } = this.#directory ?? {};
    return plan && ((timeoutMs) => connectStub(this.#requireStub(), plan, timeoutMs));
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

  #requireHandedStub(): HandedStub {
    if (this.#handedStub === undefined) throw new GuestUsageError('nothing was handed over');
    return this.#handedStub;
  }

  #requireStub(): string {
    if (this.#stubEndpoint === undefined) throw new GuestUsageError('a link that was released cannot pause the guest');
    return this.#stubEndpoint;
  }

  /** What has to be known of the stub to leave its physical mode. */
  #stubToLeave(): { readonly handedStub: true } | { readonly stub: string } {
    return this.#usesHandedStub ? { handedStub: true } : { stub: canonicalEndpoint(this.#requireStub()) };
  }

  async deviceStateFile(): Promise<DeviceStateFile> {
    const { carrier } = this.#qmp.connection;
    if (this.#handedStub !== undefined && this.#handingProblem === '' && carrier !== undefined) {
      this.#handedFile ??= await this.#handFile(this.#handedStub.id, carrier);
      const { path, file } = this.#handedFile;
      return { path, read: () => file.take(MAX_STATE_BYTES), discard: () => {} };
    }
    // What is tried behind a command may be on this host all the same.
    if (parseEndpoint(this.#qmpEndpoint).kind === 'host') throw new Error(this.#handingProblem);
    const directory = this.#privateDirectory();
    return {
      path: directory.pathInQemu('device-state'),
      read: () => directory.read('device-state'),
      discard: () => directory.unlink('device-state'),
    };
  }

  async #handFile(id: string, carrier: DescriptorCarrier): Promise<HandedStateFile> {
    const file = carrier.makeFile();
    return { path: await handFile(this.#qmp, id, file), file };
  }

  #remotePid(): number {
    // A number that no process has: what is not proven is not connected to.
    return this.peer.kind === 'remote' ? this.peer.process.pid : 0;
  }

  #makeDirectory(plan: DirectoryPlan): PrivateDirectory {
    // The watchdog must know first: it removes what a killed client leaves.
    this.#safekeeping.note({ directory: plan });
    this.#directory = PrivateDirectory.make(plan, this.#process?.uid);
    return this.#directory;
  }

  #privateDirectory(): PrivateDirectory {
    return this.#directory ?? this.#makeDirectory(planPrivateDirectory(this.#process?.pid));
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
    if (!(await session.settle())) await this.#awaitStub();
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

  /** Waits for the end of the connection before, of which QEMU hears in its own time. @throws GuestStubError */
  async #awaitStub(): Promise<void> {
    if (this.#usesHandedStub) return;
    const stub = this.#requireStub();
    if (await stubBecomesFree(this.#qmp, stub, STUB_TURN_MS)) return;
    throw new GuestStubError(
      'ERR_GUEST_STUB_BUSY',
      stub,
      `the GDB stub at ${stub} serves a client, the one before or another, which it did not leave within ${STUB_TURN_MS} ms; its physical mode may still be on`,
    );
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
      () => this.#ownStub?.remove(),
      () => this.#takeBackHanded(),
      () => this.#directory?.remove(),
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

  async #takeBackHanded(): Promise<void> {
    const stub = this.#handedStub;
    await stub?.remove();
    if (stub !== undefined && this.#handedFile !== undefined) await removeHandedFiles(this.#qmp, stub.id);
    this.#handedFile?.file.close();
  }

  /**
   * QEMU is gone, perhaps while it was being left, and has nothing to restore: what failed for that reason is no news. But if
   * only the way to it is gone (a tunnel), the watchdog may still find one.
   */
  async #leaveTheLost(held: boolean): Promise<void> {
    await this.#session?.abandon();
    await this.#qmp.close();
    const { identity } = this.#process ?? {};
    const hasEnded = identity !== undefined && !isAlive(identity);
    const hasNothing = !held && this.#ownStub === undefined && this.#handedStub === undefined;
    if (hasEnded || hasNothing) {
      this.#directory?.remove();
      await this.#safekeeping.disarm();
      return;
    }
    const hasWatchdog = await this.#safekeeping.trigger();
    // There is no one else who would.
    if (this.#options.watchdog === false) this.#directory?.remove();
    // Who asked was told already where the pause has come to an end by itself.
    const isTold = hasWatchdog && this.#watch.problem !== undefined;
    if (!this.#isDirect && this.#holding && this.#ranBefore === true && !isTold)
      throw leftToWatchdog(this.endpoint, hasWatchdog, 'the way to its monitor is gone');
  }
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

function whyUnproven(peer: Peer): StubCause {
  if (peer.kind === 'unknown') return peer.cause;
  return { code: 'does-not-listen', pid: peer.kind === 'remote' ? peer.process.pid : peer.pid };
}

/** How a connection gets to QEMU, for messages. */
function howHanded(qmp: Endpoint): string {
  return qmp.kind === 'host' && qmp.target.kind !== 'unix'
    ? 'by a socket of the helper there'
    : 'handed over as a descriptor';
}

function cannotStart(endpoint: string, qmp: Endpoint, tried: readonly string[]): GuestStubError {
  const list = tried.length === 0 ? '' : `. Tried: ${tried.join('; ')}`;
  const byHand = 'start one by hand ("gdbserver tcp:127.0.0.1:1234" in its monitor) and pass --gdb';
  if (isLocal(qmp)) {
    return new GuestStubError(
      'ERR_GUEST_STUB_START',
      '',
      `QEMU behind ${endpoint} has no GDB stub, and would not start one${list}. What helps: python3, which hands QEMU a connection; TMPDIR set to a folder where QEMU may make a socket and this program may use it; or ${byHand}`,
    );
  }
  return new GuestStubError(
    'ERR_GUEST_STUB_UNREACHABLE',
    '',
    `QEMU behind ${endpoint} has no GDB stub and is not on this host${list}. What helps: ${helpThere(qmp)}${byHand}`,
  );
}

function helpThere({ kind }: Endpoint): string {
  switch (kind) {
    case 'host':
      return "a helper that runs as QEMU's user or as root, and has a folder in common with it (--host 'ssh lab env TMPDIR=DIR'); a monitor on a unix socket of that host (--qmp unix:PATH), over which QEMU is handed a connection; or ";
    // libvirt takes no helper.
    case 'libvirt':
      return '';
    case 'exec':
      return "a helper there (add --host 'ssh lab'), which gives QEMU a connection; or ";
    default:
      return "a helper there (--host 'ssh lab', and the endpoint as that host names it), which gives QEMU a connection; or ";
  }
}
