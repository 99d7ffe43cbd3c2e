import type { OpenGuest } from '../../guest/index.ts';
import type { MomentPause } from '../../picture/internal.ts';

/** When a look at a guest was taken, and what it did to the guest. @internal */
export interface LookTimes {
  /** Milliseconds since 1970; null where nothing says when: a dump was taken at another time than it is read. */
  readonly takenAtMs: number | null;
  /** Null where no guest runs. */
  readonly pause: MomentPause | null;
}

/**
 * What is known once the guest was resumed.
 *
 * @param takenAtMs - when the guest was looked at, if it runs
 * @param pausedBeforeMs - for how long it had been paused here before this look
 * @internal
 */
export function lookTimes(
  { running }: Pick<OpenGuest, 'running'>,
  isLive: boolean,
  takenAtMs: number,
  pausedBeforeMs: number,
): LookTimes {
  if (running === undefined) return { takenAtMs: null, pause: null };
  if (isLive) return { takenAtMs, pause: { kind: 'live' } };
  if (running.ranBefore === false) return { takenAtMs, pause: { kind: 'paused-before' } };
  return { takenAtMs, pause: { kind: 'paused', atMostMs: running.pausedMs - pausedBeforeMs } };
}
