import { type SocketIdentity, timerMs } from '../../../protocols/transport/internal.ts';
import type { ProcessLife } from '../peer/process-life.ts';
import { Journal } from './journal.ts';
import type { LateConnections } from './late-connection.ts';
import { isSamePrint, type RegisterPrints } from './register-prints.ts';
import { afterResume, type RestorePlan } from './restore-plan.ts';
import { Watchdog } from './watchdog.ts';

/** How what has to be put back is kept. @internal */
export interface SafekeepingOptions {
  /** The endpoint by which the guest is reached, in canonical form. */
  readonly endpoint: string;
  readonly qmp?: string;
  /** Which file its socket is, where that is QEMU's own. */
  readonly qmpFile?: SocketIdentity | undefined;
  /** Neither watchdog nor journal unless true. */
  readonly enabled: boolean;
  /** QEMU's process, where it is proven. */
  readonly qemu?: ProcessLife | null;
  /** The watchdog ends this process when a pause does not end in time. */
  readonly endsStuckClient?: boolean;
}

/** How long after a pause should have ended by itself this process counts as stuck. Milliseconds. */
const STUCK_GRACE_MS = 3000;

/**
 * Keeps what has to be put back in the guest where it outlives this process: the watchdog, who acts at once, and the journal,
 * for the client that comes after both. They know of each thing before it is done.
 *
 * @internal
 */
export class Safekeeping {
  readonly #options: SafekeepingOptions;
  #starting: Promise<Watchdog | string> | undefined;
  #watchdog: Watchdog | undefined;
  #journal: Journal | undefined;
  #plan: RestorePlan;
  #hasBegun = false;
  /** A watchdog acts, and nothing was begun since. */
  #isInHand = false;

  constructor(options: SafekeepingOptions) {
    this.#options = options;
    this.#plan = this.#monitor;
    void this.#start();
  }

  #start(): Promise<Watchdog | string> {
    this.#starting ??= this.#options.enabled ? Watchdog.start() : Promise.resolve('');
    return this.#starting;
  }

  /** Why nothing would resume the guest if this process were killed now; empty when something would, or the caller wants none. */
  async problem(): Promise<string> {
    const watchdog = await this.#start();
    return typeof watchdog === 'string' ? watchdog : '';
  }

  /** How the monitor is found, which is a part of every plan. */
  get #monitor(): Pick<RestorePlan, 'qmp' | 'qmpFile'> {
    const { qmp, qmpFile } = this.#options;
    return { ...(qmp === undefined ? {} : { qmp }), ...(qmpFile === undefined ? {} : { qmpFile }) };
  }

  /** Makes sure that what is added is known before it can happen. */
  async arm(addition: RestorePlan): Promise<void> {
    await this.#begin();
    this.note(addition);
  }

  /** The same without waiting, for when the guest is paused: {@link Safekeeping.arm} has to have come before. */
  note(addition: RestorePlan): void {
    this.#set({ ...this.#plan, ...addition });
  }

  /** Registers of this pause, of one vCPU or of all. What is known already is not written and told again: the guest waits meanwhile. */
  noteRegisters(prints: RegisterPrints): void {
    if (isSamePrint(prints, this.#plan.registers ?? {})) return;
    this.note({ registers: { ...this.#plan.registers, ...prints } });
  }

  /** The pause cannot be known by its registers any more. */
  forgetRegisters(): void {
    const { registers, ...plan } = this.#plan;
    if (this.#hasBegun) this.#set(plan);
  }

  /** The guest is going to be paused, for so long at most. Milliseconds; null when it is over. */
  expectResume(withinMs: number | null): void {
    if (this.#options.endsStuckClient !== true) return;
    const deadline = withinMs === null ? null : timerMs(Math.ceil(withinMs) + STUCK_GRACE_MS);
    this.#watchdog?.say({ deadline });
  }

  /** The guest runs again: nothing of the pause is left to put back, and a pause that comes later may be another client's. */
  relax(): void {
    if (this.#hasBegun) this.#set(afterResume(this.#plan));
  }

  /** Everything is back in its place. */
  async disarm(): Promise<void> {
    const watchdog = await this.#starting;
    // Gone first: without its journal a watchdog that is not told any more has nothing to do, and leaves nothing.
    this.#journal?.end();
    this.#journal = undefined;
    if (watchdog instanceof Watchdog) {
      watchdog.say({ disarm: true });
      watchdog.end();
    }
    this.#watchdog = undefined;
  }

  /**
   * Everything is back in its place, but QEMU may yet take up connections to its stub: the watchdog looks for what comes of that. The next
   * client has nothing to put back.
   */
  async leaveLate(late: LateConnections): Promise<void> {
    this.#watchdog?.say({ plan: { ...this.#monitor, late } });
    this.#journal?.end();
    this.#journal = undefined;
    this.#watchdog?.end();
    this.#watchdog = undefined;
  }

  /**
   * Something could not be put back from here: the watchdog tries, from a fresh connection; the journal stays until it has. What is
   * armed after that begins anew, with another watchdog.
   *
   * @returns whether there is one, or one has it in hand already
   */
  async trigger(): Promise<boolean> {
    const watchdog = await this.#starting;
    const isThere = watchdog instanceof Watchdog;
    if (isThere) watchdog.end();
    this.#isInHand = isThere || (this.#isInHand && this.#starting === undefined);
    this.#starting = undefined;
    this.#watchdog = undefined;
    this.#journal?.leave();
    this.#journal = undefined;
    this.#hasBegun = false;
    const { journal, ...plan } = afterResume(this.#plan);
    this.#plan = plan;
    return this.#isInHand;
  }

  async #begin(): Promise<void> {
    if (this.#hasBegun) return;
    const watchdog = await this.#start();
    if (typeof watchdog !== 'string') this.#watchdog = watchdog;
    this.#hasBegun = true;
    if (!this.#options.enabled) return;
    try {
      const file = Journal.place(this.#options.endpoint);
      // The watchdog must know first: it removes what a killed client leaves.
      this.#watchdog?.say({ plan: { ...this.#plan, journal: file } });
      this.#journal = Journal.begin(file, this.#options.endpoint, this.#options.qemu ?? null);
      this.#plan = { ...this.#plan, journal: file };
    } catch {
      // No directory is ours alone: the watchdog does without.
    }
  }

  #set(plan: RestorePlan): void {
    this.#plan = plan;
    this.#journal?.write(plan);
    this.#watchdog?.say({ plan });
  }
}
