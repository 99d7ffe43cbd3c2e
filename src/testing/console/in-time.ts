import { timerMs } from '../../../protocols/transport/internal.ts';

/**
 * Waits for something, but no longer than that.
 *
 * @param late - what to fail with then
 * @internal
 */
export async function inTime<T>(work: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), timerMs(timeoutMs));
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
    // Who did not wait to the end hears no more of it.
    work.catch(() => {});
  }
}
