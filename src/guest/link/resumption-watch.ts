import { GuestRunStateError } from '../errors.ts';

/**
 * Knows whether the guest is still as it was paused, from the events of the monitor. A proxy may deliver an event late: one of
 * before our pause says nothing, and is known by coming before the STOP event of that pause.
 *
 * @internal
 */
export class ResumptionWatch {
  readonly #endpoint: string;
  readonly #onResumption: (error: GuestRunStateError) => void;
  #armed = false;
  /** The STOP event of our own pause is still to come, and what comes before it is older than the pause. */
  #awaitsStop = false;
  #stops = 0;
  #wasResumed = false;
  #problem: GuestRunStateError | undefined;

  constructor(endpoint: string, onResumption: (error: GuestRunStateError) => void) {
    this.#endpoint = endpoint;
    this.#onResumption = onResumption;
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
    this.#armed = true;
    this.#awaitsStop = true;
    this.#stops = 0;
    this.#wasResumed = false;
    this.#problem = undefined;
  }

  /** @param comes - whether our `stop` causes a STOP event: the guest ran */
  expectStop(comes: boolean): void {
    this.#awaitsStop = comes && this.#stops === 0;
  }

  /** What follows is our own doing. */
  disarm(): void {
    this.#armed = false;
  }

  onEvent(name: string): void {
    if (!this.#armed) return;
    if (name === 'STOP') {
      this.#stops += 1;
      this.#awaitsStop = false;
    } else if (name === 'RESUME' && !this.#awaitsStop) this.onRunning();
  }

  /** The guest runs, though we have paused it. */
  onRunning(): void {
    if (!this.#armed) return;
    this.#wasResumed = true;
    const error = new GuestRunStateError(
      'ERR_GUEST_RESUMED',
      `another client resumed the guest behind ${this.#endpoint} in the middle; what was read may be torn. Try again`,
    );
    this.spoil(error);
    // The stub swallows a packet and answers those behind it: what is under way would wait for a reply that never comes.
    this.#onResumption(error);
  }

  /** What was read since the pause does not count, for this reason. */
  spoil(error: GuestRunStateError): void {
    this.#problem ??= error;
  }
}
