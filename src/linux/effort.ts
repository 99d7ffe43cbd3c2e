import { LinuxDataError } from './errors.ts';

/**
 * A bound on work over bytes that may have been made to mislead: whatever they say, a search ends. What is spent is steps of
 * some nanoseconds.
 *
 * @internal
 */
export class Effort {
  readonly #what: string;
  #left: number;

  /** @param what - is searched, for the error */
  constructor(what: string, steps: number) {
    this.#what = what;
    this.#left = steps;
  }

  /** @throws LinuxDataError `ERR_LINUX_DATA` when there is none left. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0)
      throw new LinuxDataError(this.#what, 'the search was stopped: it takes more work than any kernel needs');
  }
}
