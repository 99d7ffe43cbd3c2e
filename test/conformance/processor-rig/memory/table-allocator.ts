import type { Random } from '../../../support/random/random.ts';
import type { RigMemory } from './rig-memory.ts';

/** Where in each arena the tables may be, in bytes from its start. */
export interface TableRange {
  readonly start: number;
  readonly bytes: number;
}

const PAGE = 4096;

/** Finds places for tables: any page of a range of the arenas, and none twice. */
export class TableAllocator {
  readonly #random: Random;
  readonly #memory: RigMemory;
  readonly #range: TableRange;
  readonly #taken = new Set<number>();

  constructor(random: Random, memory: RigMemory, range: TableRange) {
    this.#random = random;
    this.#memory = memory;
    this.#range = range;
  }

  /** @param isLow - in the low memory, as what leads there has no more than 32 bits */
  allocate(isLow: boolean): number {
    const { arenas } = this.#memory;
    const { start, bytes } = this.#range;
    const arena = isLow ? arenas[0] : this.#random.pick(arenas);
    if (arena === undefined) throw new RangeError('a guest has at least its low memory');
    for (;;) {
      const table = arena.base + start + PAGE * this.#random.below(bytes / PAGE);
      if (!this.#taken.has(table)) {
        this.#taken.add(table);
        return table;
      }
    }
  }
}
