import type { AbandonSignal } from '../abandon-signal.ts';
import { timerMs } from './timer-ms.ts';

/** The errors of an attempt that came to nothing. @internal */
export interface AttemptErrors {
  readonly late: () => Error;
  readonly abandoned: () => Error;
  /** For what went wrong otherwise. */
  readonly failed: (error: Error) => Error;
}

/**
 * Waits until a connection has begun to work; one that does not in time, or is abandoned, is closed.
 *
 * @internal
 */
export async function begun<T extends { close(): Promise<void> }>(
  connection: T,
  beginning: Promise<unknown>,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbandonSignal },
  errors: AttemptErrors,
): Promise<T> {
  let stop = (): void => {};
  const late = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(errors.late()), timerMs(timeoutMs));
    const onAbort = (): void => reject(errors.abandoned());
    signal?.addEventListener('abort', onAbort);
    stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
  });
  late.catch(() => {});
  try {
    await Promise.race([beginning, late]);
    return connection;
  } catch (error) {
    await connection.close();
    throw errors.failed(error as Error);
  } finally {
    stop();
  }
}
