import type { PagingContext } from '../rules/context.ts';

/** As many as one walk after the other has use for. A power of two, as every number of slots. */
const USUAL_SLOTS = 1024;
/** No bits of a linear address that are shifted down without sign. */
const NOTHING = -1;

/**
 * Tables of the last level by the linear addresses that lead to them, a slot for each: where two want the same slot, the later
 * one has it.
 *
 * @internal
 */
export class LastTableSlots {
  readonly count: number;
  /** Bits of a linear address below these are looked up in the last table. */
  readonly #shift: number;
  readonly #highs: Int32Array;
  readonly #lows: Int32Array;

  /** @param count - a power of two */
  constructor({ levels }: PagingContext, count = USUAL_SLOTS) {
    this.count = count;
    this.#highs = new Int32Array(count);
    this.#lows = new Int32Array(count).fill(NOTHING);
    const last = levels.at(-1);
    this.#shift = last === undefined ? 0 : last.shift + 32 - Math.clz32(last.indexMask);
  }

  /** @returns the slot of the address's last table; -1 when it has none */
  find(high: number, low: number): number {
    const key = low >>> this.#shift;
    const slot = this.#slotOf(high, key);
    return this.#lows[slot] === key && this.#highs[slot] === high ? slot : -1;
  }

  /** @returns the slot that the address's last table has from here on */
  take(high: number, low: number): number {
    const key = low >>> this.#shift;
    const slot = this.#slotOf(high, key);
    this.#highs[slot] = high;
    this.#lows[slot] = key;
    return slot;
  }

  #slotOf(high: number, key: number): number {
    return (key ^ (high << 4) ^ (high >> 11)) & (this.count - 1);
  }
}
