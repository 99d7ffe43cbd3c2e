import { LONGEST_TIMER_MS } from '../../../protocols/transport/internal.ts';

/**
 * Keeps this process alive until something is done. What belongs to a guest does not by itself, so that a test that forgets its
 * guest does not hang its runner; a test that waits for its guest must not end with it.
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
