import { setTimeout as delay } from 'node:timers/promises';

const BETWEEN_LOOKS_MS = 25;

/** Waits until something is so, at most for so long. @returns how long it took; undefined when it did not come to be */
export async function eventually(
  isSo: () => boolean | Promise<boolean>,
  withinMs: number,
  betweenMs = BETWEEN_LOOKS_MS,
): Promise<number | undefined> {
  const start = performance.now();
  for (;;) {
    if (await isSo()) return performance.now() - start;
    if (performance.now() - start > withinMs) return undefined;
    await delay(betweenMs);
  }
}

/** What a promise gives, or undefined when it takes too long. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const timer = new AbortController();
  try {
    return await Promise.race([promise, delay(ms, undefined, { signal: timer.signal }).catch(() => undefined)]);
  } finally {
    timer.abort();
  }
}
