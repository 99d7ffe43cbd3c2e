const NEWLINE = 0x0a;
/** Doubled as needed. Not more to begin with: lines of a few bytes may come a byte at a time. */
const FIRST_BYTES = 256;
const NOTHING = Buffer.alloc(0);

/**
 * Gives bytes out once a line end is among them, and keeps the beginning of a line until then. What splits and decodes lines behind it
 * would go through an unfinished one again with each piece that comes.
 *
 * @internal
 */
export class WholeLines {
  #kept: Buffer = NOTHING;
  #length = 0;

  /** How many bytes of an unfinished line are kept. */
  get keptBytes(): number {
    return this.#length;
  }

  /** Takes what has come, and gives all that ends with the last line end; undefined if there is none. */
  take(chunk: Buffer): Buffer | undefined {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      this.#keep(chunk);
      return undefined;
    }
    const whole = this.#length === 0 ? chunk.subarray(0, end) : this.#finish(chunk.subarray(0, end));
    if (end < chunk.length) this.#keep(chunk.subarray(end));
    return whole;
  }

  #finish(last: Buffer): Buffer {
    this.#keep(last);
    const whole = this.#kept.subarray(0, this.#length);
    this.#kept = NOTHING;
    this.#length = 0;
    return whole;
  }

  /** In a buffer that doubles: a peer that sends a byte at a time must not cost more than one that does not. */
  #keep(bytes: Buffer): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#kept.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#kept.length * 2, FIRST_BYTES));
      this.#kept.copy(larger, 0, 0, this.#length);
      this.#kept = larger;
    }
    bytes.copy(this.#kept, this.#length);
    this.#length = needed;
  }
}
