import { LONGEST_TIMER_MS } from '../../../protocols/transport/internal.ts';
import { GuestRunStateError } from '../errors.ts';

/** The longest that a guest is paused. Milliseconds. @internal */
export const DEFAULT_MAX_PAUSE_MS = 5000;

/** How much longer than a pause connecting may take. Milliseconds. */
const LATE_MS = 1000;

/**
 * The end of a pause, whatever the question is doing by then: a peer that is slow, a file that blocks, a caller that forgets.
 *
 * @internal
 */
export class PauseDeadline {
  readonly #maxMs: number;
  readonly #endpoint: string;
  readonly #onReached: (error: GuestRunStateError) => void;
  #timer: NodeJS.Timeout | undefined;
  #reject: ((error: GuestRunStateError) => void) | undefined;
  #reached: Promise<never> | undefined;

  constructor(maxMs: number, endpoint: string, onReached: (error: GuestRunStateError) => void) {
    this.#maxMs = maxMs;
    this.#endpoint = endpoint;
    this.#onReached = onReached;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  /** How long connecting to the stub may take: who leaves the guest waits for what is under way, and not much longer than the pause. */
  boundConnecting(timeoutMs: number): number {
    return Math.min(timeoutMs, this.#maxMs + LATE_MS);
  }

  /** The pause begins. */
  start(): void {
    this.stop();
    if (this.#maxMs > LONGEST_TIMER_MS) return;
    this.#reached = new Promise<never>((_, reject) => {
      this.#reject = reject;
    });
    this.#reached.catch(() => {});
    this.#timer = setTimeout(() => this.#end(), this.#maxMs);
    // A caller that has nothing else to do may end: leaving is the watchdog's then.
    this.#timer.unref();
  }

  /** The pause is over. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#reached = undefined;
    this.#reject = undefined;
  }

  /** Waits for a step of the pause, but no longer than the pause may last. @throws GuestRunStateError `ERR_GUEST_PAUSE_TOO_LONG` */
  async within<T>(step: Promise<T>): Promise<T> {
    if (this.#reached === undefined) return step;
    return Promise.race([step, this.#reached]);
  }

  #end(): void {
    const error = new GuestRunStateError(
      'ERR_GUEST_PAUSE_TOO_LONG',
      `the guest behind ${this.#endpoint} was paused for ${this.#maxMs} ms, the longest that a pause may last, and has been resumed. Ask for less at once, or allow a longer pause`,
    );
    this.#reject?.(error);
    this.#onReached(error);
  }
}
