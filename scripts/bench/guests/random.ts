/** Random numbers that are the same in every run (mulberry32): a run that is slow for some reason is slow for it again. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A number from 0 to `limit` - 1. @param limit - at most 2^32 */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  /** Puts a list into a random order, in place. */
  shuffle<T>(items: { [index: number]: T; readonly length: number }): void {
    for (let at = items.length - 1; at > 0; at -= 1) {
      const other = this.below(at + 1);
      const item = items[at] as T;
      items[at] = items[other] as T;
      items[other] = item;
    }
  }
}
