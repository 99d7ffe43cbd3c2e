import type { Benchmark } from './benchmark.ts';
import { commandStart } from './command-start.ts';
import { enumeration } from './enumeration.ts';
import { growth } from './growth.ts';
import { map } from './map.ts';
import { pauses } from './pauses.ts';
import { pureWalk } from './pure-walk.ts';
import { randomAddresses } from './random-addresses.ts';

/** All of them, in the order in which they run. */
export const BENCHMARKS: readonly Benchmark[] = [
  pureWalk,
  enumeration,
  randomAddresses,
  map,
  growth,
  pauses,
  commandStart,
];
