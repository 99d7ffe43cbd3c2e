/** The middle of the values; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >>> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Two things measured in turn. */
export interface Comparison {
  /** The median of the ratios of the rounds: what slows both down for a while, as other programs do, falls out. */
  readonly ratio: number;
  readonly measured: number;
  readonly baseline: number;
}

/** Rounds that do not count: in them the JIT compiler finds out what is worth its while. */
const WARM_UP_ROUNDS = 12;

/** Measures two things in turn, so that both see the machine in the same moods. What is returned by each is its cost. */
export async function compare(
  rounds: number,
  measure: () => number | Promise<number>,
  measureBaseline: () => number | Promise<number>,
): Promise<Comparison> {
  const pairs: { readonly measured: number; readonly baseline: number }[] = [];
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    const baseline = await measureBaseline();
    const measured = await measure();
    if (round >= 0) pairs.push({ measured, baseline });
  }
  return {
    ratio: median(pairs.map(({ measured, baseline }) => measured / baseline)),
    measured: median(pairs.map(({ measured }) => measured)),
    baseline: median(pairs.map(({ baseline }) => baseline)),
  };
}

/** How long something takes, in milliseconds. */
export async function timeMs(run: () => unknown): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}
