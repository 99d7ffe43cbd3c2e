import type { AbandonSignal } from '../../../../protocols/transport/index.ts';

/**
 * Waits for something, until a signal fires.
 *
 * @throws the signal's reason
 * @internal
 */
export async function unlessAborted<T>(work: Promise<T>, signal: AbandonSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let abandon = (): void => {};
  const abandoned = new Promise<never>((_, reject) => {
    abandon = () => reject(signal.reason);
    signal.addEventListener('abort', abandon);
    if (signal.aborted) abandon();
  });
  try {
    return await Promise.race([work, abandoned]);
  } finally {
    signal.removeEventListener('abort', abandon);
    // Who did not wait to the end hears no more of it.
    work.catch(() => {});
  }
}
