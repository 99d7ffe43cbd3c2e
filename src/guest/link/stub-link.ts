import { GdbBusyError, type GdbClient, GdbClosedError, GdbTimeoutError } from '../../../protocols/gdb/index.ts';
import { parseInfoStatus, parseInfoVersion } from '../../../protocols/qmp/index.ts';
import { ConnectError } from '../../../protocols/transport/index.ts';
import type { UnavailableCause } from '../causes/unavailable-cause.ts';
import { GuestRunStateError, GuestUsageError } from '../errors.ts';
import type { DeviceStateFile } from '../monitor/device-state-file.ts';
import type { Monitor, MonitorCpu } from '../monitor/monitor.ts';
import { stubMonitor } from '../monitor/stub-monitor.ts';
import { findPeer } from '../peer/find-peer.ts';
import type { Listener } from '../peer/listens-at.ts';
import { type Peer, unknownPeer } from '../peer/peer.ts';
import { greetsWithStop } from '../restore/greets-with-stop.ts';
import { findLeftJournals, type LeftJournal, removeJournal } from '../restore/journal.ts';
import { connectStub } from '../restore/private-directory.ts';
import { isSamePrint, printRegisters } from '../restore/register-prints.ts';
import type { RestorePlan } from '../restore/restore-plan.ts';
import { Safekeeping } from '../restore/safekeeping.ts';
import { leaveAfter } from '../resume/leave-after.ts';
import { leftToWatchdog } from '../resume/left-to-watchdog.ts';
import type { Resumed } from '../resume/resumed.ts';
import { strayed } from '../resume/strayed.ts';
import { canonicalEndpoint } from '../stub/canonical-endpoint.ts';
import { LEAVE_TIMEOUT_MS, StubSession } from '../stub/stub-session.ts';
import { type Processor, readProcessor } from '../vcpu/processor.ts';
import { type AttachOptions, DEFAULT_TIMEOUT_MS } from './attach-options.ts';
import { hearNews } from './hear-news.ts';
import type { Link } from './link.ts';
import { DEFAULT_MAX_PAUSE_MS, PauseDeadline } from './pause-deadline.ts';
import type { Recovery } from './recover.ts';
import { Turns } from './turns.ts';
import { warnWithoutWatchdog } from './warn-without-watchdog.ts';

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
  /** Its monitor is the stub's own. */
  readonly isStubProven = true;
  readonly asksLive = false;
  recoveries: readonly Recovery[] = [];
  readonly #options: AttachOptions;
  readonly #file: Pick<RestorePlan, 'stubFile'>;
  readonly #safekeeping: Safekeeping;
  readonly #deadline: PauseDeadline;
  /** Why what was read in this pause does not count; undefined while it does. */
  #problem: GuestRunStateError | undefined;
  #session: StubSession | undefined;
  #peer: Peer | undefined;
  #ranBefore: boolean | undefined;
  #runStateCause: UnavailableCause | null = null;
  #greetedWithStop = false;
  /** The stub has told all that leaving the guest takes. */
  #isConnected = false;
  /**
   * A connection of ours may have paused the guest, and failed before the guest was resumed: `shown` when it is known to be that
   * of a stub, `silent` when it fell silent.
   */
  #stranded: 'no' | 'perhaps' | 'shown' | 'silent' = 'no';
  /** A connection failed so early that the greeting may have been lost with it. */
  #mayHaveMissedGreeting = false;
  /** Another client has migrated the guest away, and it was stopped again. */
  #hasStrayed = false;
  /** Why the guest could not be resumed when its pause was over: told when it is left. */
  #failure: unknown;
  readonly #turns = new Turns();

  private constructor(endpoint: string, options: AttachOptions, known: Listener) {
    this.endpoint = endpoint;
    this.#file = known.file === undefined ? {} : { stubFile: known.file };
    this.#options = options;
    const maxPauseMs = options.maxPauseMs ?? DEFAULT_MAX_PAUSE_MS;
    this.#safekeeping = new Safekeeping({
      endpoint: canonicalEndpoint(endpoint),
      enabled: options.watchdog ?? true,
      endsStuckClient: options.endWhenStuck === true && Number.isFinite(maxPauseMs),
    });
    this.#deadline = new PauseDeadline(maxPauseMs, endpoint, (error) => this.#endPause(error));
  }

  /** Connects, which pauses the guest. @param known - what was found to listen there: nothing else is connected to */
  static async open(endpoint: string, options: AttachOptions, known: Listener = {}): Promise<StubLink> {
    const link = new StubLink(endpoint, options, known);
    try {
      await link.#connect();
      return link;
    } catch (error) {
      return await leaveAfter(error, () => link.release());
    }
  }

  get #timeoutMs(): number {
    return this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  get monitor(): Monitor {
    return stubMonitor(this.#requireSession().client);
  }

  get peer(): Peer {
    return this.#peer ?? unknownPeer({ code: 'not-connected' });
  }

  get ranBefore(): boolean | undefined {
    return this.#ranBefore;
  }

  get runStateCause(): UnavailableCause | null {
    return this.#runStateCause;
  }

  firstCpus(): Promise<readonly MonitorCpu[]> {
    return this.monitor.listCpus();
  }

  firstProcessor(qomPath: string | undefined): Promise<Processor> {
    return readProcessor(this.monitor, qomPath);
  }

  firstViews(): null {
    return null;
  }

  pause(): Promise<StubSession> {
    return this.#turns.take(async () => {
      const session = this.#session ?? (await this.#connect());
      await session.enter();
      return session;
    });
  }

  run(): Promise<never> {
    return Promise.reject(new GuestUsageError('a guest is let run only where it is reached through QMP'));
  }

  resume(): Promise<void> {
    return this.#turns.take(() => this.#resumeNow());
  }

  async #resumeNow(): Promise<void> {
    const mayTryAgain = this.#stranded === 'perhaps' || this.#stranded === 'shown';
    const session =
      this.#session ?? (mayTryAgain ? await this.#open(Math.min(this.#timeoutMs, LEAVE_TIMEOUT_MS)) : undefined);
    if (session === undefined) return;
    this.#session = undefined;
    this.#isConnected = false;
    this.#stranded = 'shown';
    try {
      await this.#leaveStub(session).catch((error: unknown) => this.#leaveStubAnew(session, error));
      this.#stranded = 'no';
    } finally {
      await session.abandon();
      this.#endDeadline();
    }
    this.#safekeeping.relax();
  }

  async #leaveStub(session: StubSession): Promise<void> {
    await this.#renew(session);
    if (this.#ranBefore === undefined) await this.#learnRunState(session.client, []);
    if (this.#ranBefore === false) await session.leavePhysicalMode();
    else await this.#requireRuns(session, await session.leaveAndRun());
  }

  /**
   * A connection that broke may show it only when something is sent over it. Whether QEMU has carried that out is not known, so it is
   * said once more over a fresh one, which pauses a guest that runs by then.
   */
  async #leaveStubAnew(session: StubSession, error: unknown): Promise<void> {
    if (!(error instanceof GdbClosedError)) throw error;
    await this.#leaveStub(session).catch((again: unknown) => {
      // Where there is no stub any more, why the first one ended says more.
      throw again instanceof ConnectError ? error : again;
    });
  }

  /** A wire that broke or was full of garbage may be sane the next time. */
  async #renew(session: StubSession): Promise<void> {
    this.#greetedWithStop = false;
    await session.renew();
    // Another client had resumed the guest meanwhile, and the new connection has paused it.
    if (this.#greetedWithStop) this.#ranBefore = true;
  }

  async #requireRuns(session: StubSession, resumed: Resumed): Promise<void> {
    if (resumed.kind === 'runs') return;
    // Trying again would not help.
    this.#stranded = 'no';
    if (resumed.kind === 'strayed') {
      // What is paused from now on is not so by us.
      this.#safekeeping.note({ resume: false });
      this.#hasStrayed = true;
      await session.stopGuest();
      throw strayed(this.endpoint, resumed.from);
    }
    throw new GuestRunStateError(
      'ERR_GUEST_NOT_RESTORED',
      `the guest behind ${this.endpoint} ran before it was paused, and has not been resumed: ${resumed.complaint}`,
    );
  }

  /**
   * Resumes a guest that was paused in vain, or has the watchdog try: it goes on where a stub has shown itself; what only said
   * something else may be anything.
   */
  async #giveBack(): Promise<void> {
    const failure = await this.#resumeNow().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const stranded = this.#stranded;
    const mayBePaused =
      stranded === 'silent' || stranded === 'shown' || (stranded === 'perhaps' && this.#ranBefore !== undefined);
    this.#stranded = 'no';
    if (mayBePaused) {
      const hasWatchdog = await this.#safekeeping.trigger();
      throw leftToWatchdog(this.endpoint, hasWatchdog, whyNotResumed(failure?.error), { cause: failure?.error });
    }
    // What never was a stub says as little of a guest the second time.
    if (failure !== undefined && stranded !== 'perhaps') throw failure.error;
  }

  #endDeadline(): void {
    this.#deadline.stop();
    this.#safekeeping.expectResume(null);
  }

  /** The deadline of the pause: what is under way fails, and the guest runs again. */
  #endPause(error: GuestRunStateError): void {
    this.#problem = error;
    // Connecting ends for this reason, and resumes the guest.
    if (!this.#isConnected) return;
    // Said before the connection is lost: it is what resumes the guest.
    this.#turns
      .take(() => this.#giveBack())
      .catch((failure: unknown) => {
        this.#failure = failure;
      });
  }

  deviceStateFile(): DeviceStateFile {
    throw new GuestRunStateError('ERR_GUEST_NOT_PAUSED', 'without QMP no file is shared with QEMU');
  }

  noteRegisters(text: string): void {
    if (this.#session !== undefined) this.#safekeeping.noteRegisters(printRegisters(text));
  }

  /** That another client resumed the guest is not told here: it shows as a request without an answer. */
  checkStillPaused(): void {
    if (this.#problem !== undefined) throw this.#problem;
  }

  hearNews(): Promise<void> {
    return hearNews();
  }

  findResumption(): Promise<Error | undefined> {
    return Promise.resolve(this.#problem);
  }

  release(): Promise<void> {
    return this.#turns.end(() => this.#leave());
  }

  /** Connects, which pauses the guest, and learns whether it ran before. */
  async #connect(): Promise<StubSession> {
    const { signal } = this.#options;
    await warnWithoutWatchdog(this.#safekeeping);
    const left = findLeftJournals({ endpoint: canonicalEndpoint(this.endpoint), qemu: null });
    await this.#safekeeping.arm({
      ...{ stub: canonicalEndpoint(this.endpoint), ...this.#file },
      ...{ resume: true, ungreeted: false },
    });
    signal?.throwIfAborted();
    this.#problem = undefined;
    this.#deadline.start();
    this.#safekeeping.expectResume(this.#deadline.maxMs);
    this.#greetedWithStop = false;
    this.#mayHaveMissedGreeting = false;
    this.#ranBefore = undefined;
    try {
      const session = await this.#enter(left);
      this.#isConnected = true;
      return session;
    } catch (error) {
      this.#endDeadline();
      // What is under way would keep it waiting for as long again.
      if (this.#problem !== undefined && this.#ranBefore === undefined) this.#session?.lose(this.#problem);
      return await leaveAfter(error, () => this.#giveBack());
    }
  }

  async #enter(left: readonly LeftJournal[]): Promise<StubSession> {
    const opening = this.#open(this.#deadline.boundConnecting(this.#timeoutMs));
    const session = await this.#deadline.within(opening).catch((error: unknown) => {
      if (this.#problem !== undefined) this.#stranded = 'silent';
      opening.then(
        (late) => late.abandon(),
        () => {},
      );
      throw error;
    });
    this.#session = session;
    // What is known so far counts if nothing more comes.
    this.#ranBefore = this.#greetedWithStop || undefined;
    if (!this.#greetedWithStop) this.#safekeeping.note({ ungreeted: true });
    const registers = await this.#deadline.within(this.#learnRunState(session.client, left));
    // A pause by another client has no deadline of ours.
    if (this.ranBefore === false) this.#endDeadline();
    await this.#safekeeping.arm({ resume: this.#ranBefore === true });
    this.noteRegisters(registers);
    // Refuses a guest that is not x86, before anything else stumbles over it.
    await this.#deadline.within(session.client.layout());
    return session;
  }

  /** Connecting is what pauses the guest, unless the stub has another client. */
  async #open(connectTimeoutMs: number): Promise<StubSession> {
    const { trace } = this.#options;
    try {
      return await StubSession.open({
        endpoint: this.endpoint,
        connect: (timeoutMs) => connectStub(this.endpoint, this.#file, timeoutMs),
        timeoutMs: connectTimeoutMs,
        requestTimeoutMs: this.#timeoutMs,
        onStop: () => {
          this.#greetedWithStop = true;
        },
        onConnection: (connection) => {
          this.#peer = findPeer(connection);
        },
        ...(trace ? { trace } : {}),
      });
    } catch (error) {
      if (error instanceof ConnectError || error instanceof GdbBusyError) throw error;
      if (this.#greetedWithStop) this.#ranBefore = true;
      this.#mayHaveMissedGreeting = true;
      if (error instanceof GdbTimeoutError) this.#stranded = 'silent';
      else if (this.#stranded === 'no') this.#stranded = 'perhaps';
      throw error;
    }
  }

  /** @returns the registers, by which this pause is known */
  async #learnRunState(client: GdbClient, left: readonly LeftJournal[]): Promise<string> {
    const [status, version, registers] = await Promise.all([
      client.monitor('info status'),
      client.monitor('info version'),
      client.monitor('info registers'),
    ]);
    const isPaused = parseInfoStatus(status).status === 'paused';
    this.#runStateCause = null;
    if (left.length > 0 && isPaused && !this.#greetedWithStop) await this.#recover(client, left);
    if (this.#ranBefore !== true) this.#settleRanBefore(isPaused, greetsWithStop(parseInfoVersion(version)));
    for (const { file, plan } of left) {
      // Said again by the next run, until the guest runs: there may have been a good reason to kill that one.
      const isOpen = this.ranBefore === false && isPaused && plan.resume === true && plan.registers === undefined;
      if (!isOpen) removeJournal(file);
    }
    return registers;
  }

  #settleRanBefore(isPaused: boolean, greets: boolean): void {
    if (this.#greetedWithStop) this.#ranBefore = true;
    else if (!isPaused) this.#ranBefore = false;
    else if (greets && !this.#mayHaveMissedGreeting) this.#ranBefore = false;
    else {
      this.#ranBefore = true;
      this.#runStateCause = { code: 'stub-tells-no-run-state' };
    }
  }

  /** A client that was killed with its watchdog had paused the guest: if it has not run since, it is resumed when it is left. */
  async #recover(client: GdbClient, left: readonly LeftJournal[]): Promise<void> {
    const now = printRegisters(await client.monitor('info registers -a'));
    this.recoveries = left.map(({ head, plan }) => {
      const isSame = plan.registers !== undefined && isSamePrint(plan.registers, now);
      const resumption = plan.registers === undefined ? 'unknown' : isSame ? 'resumed' : 'paused-since';
      if (plan.resume === true && isSame) this.#ranBefore = true;
      return {
        client: head.client.pid,
        since: head.since,
        resumption: plan.resume === true ? resumption : 'not-asked',
        foundState: 'paused',
        physicalModeOff: true,
        stubRemoved: null,
      };
    });
  }

  #requireSession(): StubSession {
    this.checkStillPaused();
    if (this.#session === undefined) {
      throw new GuestRunStateError(
        'ERR_GUEST_NOT_PAUSED',
        'without QMP the monitor can be asked only while the guest is paused',
      );
    }
    return this.#session;
  }

  async #leave(): Promise<void> {
    try {
      await this.#giveBack();
    } catch (error) {
      // All is done that can be done.
      if (this.#hasStrayed) await this.#safekeeping.disarm();
      throw error;
    }
    await this.#safekeeping.disarm();
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function whyNotResumed(failure: unknown): string {
  if (failure === undefined) return 'its stub does not answer';
  return `its stub could not be left: ${failure instanceof Error ? failure.message : String(failure)}`;
}
