import type { PagingContext } from '../rules/context.ts';
import { LastTableSlots } from './last-table-slots.ts';
import { Trail } from './trail.ts';
import type { Walk } from './walk.ts';

/**
 * How walks came to tables of the last level, so that the next walk by the same way begins there: what a processor's
 * paging-structure caches do (SDM vol. 3A, 4.10.3). It holds for as long as the tables do not change. Nothing on the way to a table
 * depends on the kind of access, so neither does the cache.
 *
 * @internal
 */
export class StructureCache {
  /** How many entries lead to the last table; 0 where there is nothing to be saved. */
  readonly #depth: number;
  readonly #slots: LastTableSlots;
  readonly #tables: Float64Array;
  readonly #rights: Int32Array;
  readonly #executeDisabled: Int32Array;
  readonly #trail: Trail;

  /** @param slots - how many tables are kept at most: a power of two */
  constructor(context: PagingContext, slots?: number) {
    this.#depth = Math.max(0, context.levels.length - 1);
    this.#slots = new LastTableSlots(context, slots);
    const { count } = this.#slots;
    this.#tables = new Float64Array(count);
    this.#rights = new Int32Array(count);
    this.#executeDisabled = new Int32Array(count);
    this.#trail = new Trail(count * this.#depth);
  }

  /** @returns the number of the table that an address without a tag leads to; -1 where none is kept */
  find(linearHigh: number, linearLow: number): number {
    return this.#slots.find(linearHigh, linearLow);
  }

  /**
   * Takes a walk that has just started to its last table, if one came there before.
   *
   * @returns a number for the table, the same each time for as long as it is kept; -1 when the walk is where it was
   */
  skip(walk: Walk): number {
    const slot = this.#slots.find(walk.linearHigh, walk.linearLow);
    if (slot < 0) return slot;
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
    if (walk.depth !== depth || depth === 0) return -1;
    const slot = this.#slots.take(walk.linearHigh, walk.linearLow);
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
