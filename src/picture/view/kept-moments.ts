/** A moment as far as keeping it goes. @internal */
export interface Keepable {
  /** What it takes of memory now. */
  readonly sizeBytes: number;
  /** It is not looked at: what can be made again may be forgotten. */
  rest(): void;
}

/** Moments in the order in which they were taken, of which some may be gone. @internal */
export interface KeptMoments<T> {
  readonly moments: readonly T[];
  /** Which one is looked at. */
  readonly index: number;
  /** So many between the first and the second one are gone. */
  readonly dropped: number;
}

/** How much is kept. @internal */
export interface KeepingLimits {
  readonly bytes: number;
  readonly moments: number;
}

const LIMITS: KeepingLimits = { bytes: 256 << 20, moments: 120 };

/** One moment more, which is looked at. The first one stays: what has changed since then is asked for. @internal */
export function keepMoment<T extends Keepable>(
  { moments, dropped }: KeptMoments<T>,
  taken: T,
  limits: KeepingLimits = LIMITS,
): KeptMoments<T> {
  const all = [...moments, taken];
  for (const each of all.slice(1, -2)) each.rest();
  let gone = 0;
  let bytes = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  while (all.length - gone > 2 && (bytes > limits.bytes || all.length - gone > limits.moments)) {
    gone += 1;
    bytes -= all[gone]?.sizeBytes ?? 0;
  }
  const kept = [...all.slice(0, 1), ...all.slice(gone + 1)];
  return { moments: kept, index: kept.length - 1, dropped: dropped + gone };
}
