import type { Benchmark } from './benchmark.ts';
import { command } from './measures/command.ts';
import { enumeration } from './measures/enumeration.ts';
import { growth } from './measures/growth.ts';
import { map } from './measures/map.ts';
import { names } from './measures/names.ts';
import { pauses } from './measures/pauses.ts';
import { picture } from './measures/picture.ts';
import { pureWalk } from './measures/pure-walk.ts';
import { randomAddresses } from './measures/random-addresses.ts';
import { reach } from './measures/reach/libvirt.ts';

/** All of them, in the order in which they run. */
export const BENCHMARKS: readonly Benchmark[] = [
  command,
  pureWalk,
  enumeration,
  randomAddresses,
  map,
  growth,
  pauses,
  names,
  picture,
  reach,
];
