import type { Benchmark } from './benchmark.ts';
import { commandStart } from './command-start.ts';
import { pureWalk } from './pure-walk.ts';

/** All of them, in the order in which they run. */
export const BENCHMARKS: readonly Benchmark[] = [pureWalk, commandStart];
