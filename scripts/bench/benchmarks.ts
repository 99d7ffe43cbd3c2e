import type { Benchmark } from './benchmark.ts';
import { commandStart } from './measures/command-start.ts';
import { enumeration } from './measures/enumeration.ts';
import { growth } from './measures/growth.ts';
import { map } from './measures/map.ts';
import { pauses } from './measures/pauses.ts';
import { pureWalk } from './measures/pure-walk.ts';
import { randomAddresses } from './measures/random-addresses.ts';

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
