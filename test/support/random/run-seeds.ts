/** The seed of one run of a random test. */
export interface RunSeed {
  readonly seed: number;
  /** The same in every run of the test: what comes of it is certain, and may be counted on. */
  readonly isKnown: boolean;
}

/**
 * Seeds for a number of runs. The first half is the same always, so that what a test must have come upon is no matter of luck; the
 * second half follows from a seed that is drawn anew each time, and comes upon what no one has looked at.
 *
 * @param enough - with fewer runs, as in a replay, all follow from the seed
 * @internal
 */
export function runSeeds(count: number, firstSeed: number, enough: number): RunSeed[] {
  const known = count < enough ? 0 : Math.floor(count / 2);
  return Array.from({ length: count }, (_, at) =>
    at < known ? { seed: at, isKnown: true } : { seed: (firstSeed + at - known) >>> 0, isKnown: false },
  );
}
