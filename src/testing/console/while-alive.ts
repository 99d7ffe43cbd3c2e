import { LONGEST_TIMER_MS } from '../../../protocols/transport/internal.ts';

/**
 * Keeps this process alive until something is done, which has an end. What belongs to a guest does not by itself, so that a test that
 * forgets its guest does not hang its runner. What waits for an answer, a line, a command or a turn has a timer, which does; what a
 * test does in a pause is its own business: where that never ends, its runner does.
 *
 * @internal
 */
export async function whileAlive<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, LONGEST_TIMER_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
