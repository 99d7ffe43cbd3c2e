import { eventually } from './eventually.ts';

/** Waits until an expectation is met, and fails with what was wrong the last time. */
export async function untilPasses(expectation: () => Promise<unknown>, patienceMs = 20_000): Promise<void> {
  let last: unknown;
  const isMet = (): Promise<boolean> =>
    expectation().then(
      () => true,
      (error: unknown) => {
        last = error;
        return false;
      },
    );
  await eventually('the expectation is met', isMet, { patienceMs, betweenMs: 100 }).catch(() => {
    throw last;
  });
}
