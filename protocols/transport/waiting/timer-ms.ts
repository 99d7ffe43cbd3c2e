/** What a timer of Node can wait for: a longer one would fire at once. @internal */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The time of a timer, for a time that may be longer than one can wait, or without an end. @internal */
export function timerMs(ms: number): number {
  return Math.min(ms, LONGEST_TIMER_MS);
}
