import { nowMs } from '../../../protocols/transport/internal.ts';

/**
 * For how long a guest was paused, at most: from before it is asked to pause until it has said that it runs.
 *
 * @internal
 */
export class PauseClock {
  readonly #now: () => number;
  #total = 0;
  #since: number | undefined;

  constructor(now: () => number = nowMs) {
    this.#now = now;
  }

  get totalMs(): number {
    return this.#total + (this.#since === undefined ? 0 : this.#now() - this.#since);
  }

  /** A pause that is under way goes on. */
  begin(sinceMs: number = this.#now()): void {
    this.#since ??= sinceMs;
  }

  /** The guest runs; or it was paused before, and no pause was made. */
  end(wasMade: boolean): void {
    if (wasMade) this.#total = this.totalMs;
    this.#since = undefined;
  }
}
