import { GuestUsageError } from '../errors.ts';

/**
 * Lets the steps that change a guest's run state happen one after the other: half a pause cannot be undone, since QEMU may
 * carry out a `stop` whose reply is not waited for.
 *
 * @internal
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #ended: Promise<void> | undefined;

  /** Runs a step after those before it. @throws GuestUsageError `ERR_GUEST_USAGE` once {@link Turns.end} was called. */
  async take<T>(step: () => Promise<T>): Promise<T> {
    if (this.#ended !== undefined) throw new GuestUsageError('this guest was detached from already; attach anew');
    const mine = this.#last.then(step);
    this.#last = mine.catch(() => {});
    return mine;
  }

  /** Runs the last step, once, after all that were taken before. */
  end(step: () => Promise<void>): Promise<void> {
    this.#ended ??= this.#last.then(step);
    return this.#ended;
  }

  /** Resolves when what has begun is over, whatever came of it. */
  async over(): Promise<void> {
    await (this.#ended ?? this.#last).catch(() => {});
  }
}
