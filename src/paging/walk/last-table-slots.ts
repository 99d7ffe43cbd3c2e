import type { PagingContext } from '../rules/context.ts';

/** A power of two. */
const SLOTS = 1024;
/** No bits of a linear address that are shifted down without sign. */
const NOTHING = -1;

/**
 * Tables of the last level by the linear addresses that lead to them, a slot for each: where two want the same slot, the later
 * one has it.
 *
 * @internal
 */
export class LastTableSlots {
  static readonly count = SLOTS;
  /** Bits of a linear address below these are looked up in the last table. */
  readonly #shift: number;
  readonly #highs = new Int32Array(SLOTS);
  readonly #lows = new Int32Array(SLOTS).fill(NOTHING);

  constructor({ levels }: PagingContext) {
    const last = levels.at(-1);
    this.#shift = last === undefined ? 0 : last.shift + 32 - Math.clz32(last.indexMask);
  }

  /** @returns the slot of the address's last table; -1 when it has none */
  find(high: number, low: number): number {
    const key = low >>> this.#shift;
    const slot = slotOf(high, key);
    return this.#lows[slot] === key && this.#highs[slot] === high ? slot : -1;
  }

  /** @returns the slot that the address's last table has from here on */
  take(high: number, low: number): number {
    const key = low >>> this.#shift;
    const slot = slotOf(high, key);
    this.#highs[slot] = high;
    this.#lows[slot] = key;
    return slot;
  }
}

function slotOf(high: number, key: number): number {
  return (key ^ (high << 4) ^ (high >> 11)) & (SLOTS - 1);
}
