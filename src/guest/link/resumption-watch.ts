import { GuestRunStateError } from '../errors.ts';

/** How the events of a monitor come, and whom to tell. @internal */
export interface ResumptionWatchOptions {
  readonly endpoint: string;
  /** Another client has resumed the guest. */
  readonly onResumption: (error: GuestRunStateError) => void;
  /** Events come in their own time, before or after the replies to what caused them. */
  readonly areEventsLate?: boolean;
  /** The guest was resumed, and no event tells by whom: its run state has to be asked for. */
  readonly onDoubt?: () => void;
}

/**
 * Knows whether the guest is still as it was paused, from the events of the monitor. A proxy may deliver an event late: one of
 * before our pause says nothing, and is known by coming before the STOP event of that pause.
 *
 * @internal
 */
export class ResumptionWatch {
  readonly #options: ResumptionWatchOptions;
  #armed = false;
  /** The STOP event of our own pause is still to come, and what comes before it is older than the pause. */
  #awaitsStop = false;
  /** The same, once it is known that there is one. */
  #owesStop = false;
  #stops = 0;
  /** Our own events of pauses before this one that have yet to come, where they may come late: what comes before them is older still. */
  #older: ('STOP' | 'RESUME')[] = [];
  #hasHeardResume = false;
  /** Events of a run of ours may come at any time, and how many there are is not known. */
  #cannotTell = false;
  #wasResumed = false;
  #problem: GuestRunStateError | undefined;

  constructor(options: ResumptionWatchOptions) {
    this.#options = options;
  }

  /** What was read since the pause is torn, and why; undefined while it is not. */
  get problem(): GuestRunStateError | undefined {
    return this.#problem;
  }

  /** Another client has resumed the guest since the pause. */
  get wasResumed(): boolean {
    return this.#wasResumed;
  }

  /** The guest is going to be stopped. */
  arm(): void {
    if (this.#owesStop) this.#note('STOP');
    this.#armed = true;
    this.#awaitsStop = true;
    this.#owesStop = false;
    this.#stops = 0;
    this.#wasResumed = false;
    this.#problem = undefined;
  }

  /** @param comes - whether our `stop` causes a STOP event: the guest ran */
  expectStop(comes: boolean): void {
    this.#awaitsStop = comes && this.#stops === 0;
    this.#owesStop = this.#awaitsStop;
  }

  /** The guest was let run in the pause, and is paused again. */
  armAfterRun(): void {
    this.arm();
    this.expectStop(false);
    this.#cannotTell ||= this.#options.areEventsLate === true;
  }

  /** What follows is our own doing. */
  disarm(): void {
    this.#armed = false;
    this.#hasHeardResume = false;
  }

  /** The guest runs again by our doing. */
  resumed(): void {
    if (this.#owesStop) this.#note('STOP');
    this.#owesStop = false;
    if (!this.#hasHeardResume) this.#note('RESUME');
  }

  /** Where events do not come late, what has not come by now never will. */
  #note(event: 'STOP' | 'RESUME'): void {
    if (this.#options.areEventsLate === true) this.#older.push(event);
  }

  onEvent(name: string): void {
    if (name !== 'STOP' && name !== 'RESUME') return;
    if (this.#older.length > 0) {
      if (this.#older[0] === name) this.#older.shift();
    } else if (name === 'STOP') {
      this.#stops += 1;
      this.#awaitsStop = false;
      this.#owesStop = false;
    } else if (!this.#armed) this.#hasHeardResume = true;
    else if (this.#awaitsStop) return;
    else if (this.#cannotTell) this.#options.onDoubt?.();
    else this.onRunning();
  }

  /** The guest runs, though we have paused it. */
  onRunning(): void {
    if (!this.#armed) return;
    this.#wasResumed = true;
    const error = new GuestRunStateError(
      'ERR_GUEST_RESUMED',
      `another client resumed the guest behind ${this.#options.endpoint} in the middle; what was read may be torn. Try again`,
    );
    this.spoil(error);
    // The stub swallows a packet and answers those behind it: what is under way would wait for a reply that never comes.
    this.#options.onResumption(error);
  }

  /** What was read since the pause does not count, for this reason. */
  spoil(error: GuestRunStateError): void {
    this.#problem ??= error;
  }
}
