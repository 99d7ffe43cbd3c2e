import type { PagingContext } from './context.ts';
import { Trail } from './trail.ts';
import type { Walk } from './walk.ts';

/** A power of two. */
const SLOTS = 1024;
const NO_SLOT = -1;

/**
 * How walks came to tables of the last level, so that the next walk by the same way begins there: what a processor's
 * paging-structure caches do (SDM vol. 3A, 4.10.3). It holds for as long as the tables stand still. Nothing on the way to a table
 * depends on the kind of access, so neither does the cache.
 *
 * @internal
 */
export class StructureCache {
  /** Bits of a linear address below these are looked up in the last table. */
  readonly #shift: number;
  /** How many entries lead to the last table; 0 where there is nothing to be saved. */
  readonly #depth: number;
  readonly #keyHighs = new Int32Array(SLOTS);
  readonly #keyLows = new Int32Array(SLOTS).fill(-1);
  readonly #tables = new Float64Array(SLOTS);
  readonly #rights = new Int32Array(SLOTS);
  readonly #executeDisabled = new Int32Array(SLOTS);
  readonly #trail: Trail;

  constructor({ levels }: PagingContext) {
    const last = levels.at(-1);
    this.#depth = Math.max(0, levels.length - 1);
    // A linear address has its page offset, at the least, below the bits that choose among more than one table.
    this.#shift = last === undefined ? 0 : last.shift + 32 - Math.clz32(last.indexMask);
    this.#trail = new Trail(SLOTS * this.#depth);
  }

  /**
   * Takes a walk that has just started to its last table, if one came there before.
   *
   * @returns a number for the table, the same each time for as long as it is kept; -1 when the walk is where it was
   */
  skip(walk: Walk): number {
    const key = walk.linearLow >>> this.#shift;
    const slot = slotOf(walk.linearHigh, key);
    if (this.#keyLows[slot] !== key || this.#keyHighs[slot] !== walk.linearHigh) return NO_SLOT;
    const depth = this.#depth;
    walk.goOnAt(
      depth,
      this.#tables[slot] as number,
      this.#rights[slot] as number,
      this.#executeDisabled[slot] as number,
      this.#trail,
      slot * depth,
    );
    return slot;
  }

  /**
   * Keeps how a walk came to its last table, if that is where it is.
   *
   * @returns the table's number; -1 when it is elsewhere
   */
  keep(walk: Walk): number {
    const depth = this.#depth;
    if (walk.depth !== depth || depth === 0) return NO_SLOT;
    const key = walk.linearLow >>> this.#shift;
    const slot = slotOf(walk.linearHigh, key);
    this.#keyHighs[slot] = walk.linearHigh;
    this.#keyLows[slot] = key;
    this.#tables[slot] = walk.wanted - (walk.wanted % 4096);
    this.#rights[slot] = walk.rights;
    this.#executeDisabled[slot] = walk.executeDisabled;
    for (let above = 0, at = slot * depth; above < depth; above += 1, at += 1) {
      this.#trail.lows[at] = walk.lowAt(above);
      this.#trail.highs[at] = walk.highAt(above);
    }
    return slot;
  }
}

function slotOf(linearHigh: number, key: number): number {
  return (key ^ (linearHigh << 4) ^ (linearHigh >> 11)) & (SLOTS - 1);
}
