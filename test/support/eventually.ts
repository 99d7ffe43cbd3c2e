import { setTimeout as delay } from 'node:timers/promises';

const PATIENCE_MS = 20_000;

/** Waits until something is so, and fails when it does not come to be. */
export async function eventually(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  { betweenMs = 20, patienceMs = PATIENCE_MS } = {},
): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within ${patienceMs} ms: ${what}`);
    await delay(betweenMs);
  }
}
