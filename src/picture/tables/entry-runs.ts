/** A and D, which change while the rest of an entry stays. */
const USE_BITS = 0x60;
const TWO_20 = 0x10_0000;
const ENTRIES = 512;

/**
 * The entries of a table as two columns, so that neighbours are alike: page numbers (bits 51:12), and all other bits. Tables of
 * 32-bit paging have two entries in each of these, and lose nothing by it.
 *
 * @internal
 */
export class EntryColumns {
  readonly frames = new Float64Array(ENTRIES);
  /** Bits 11:0 without A and D, and 63:52 above these. */
  readonly flags = new Int32Array(ENTRIES);
  /** A as bit 0, D as bit 1. */
  readonly use = new Uint8Array(ENTRIES);

  read(words: Int32Array): void {
    for (let at = 0; at < ENTRIES; at += 1) {
      const low = words[2 * at] as number;
      const high = words[2 * at + 1] as number;
      this.frames[at] = (high & 0xf_ffff) * TWO_20 + (low >>> 12);
      this.flags[at] = (low & 0xfff & ~USE_BITS) | ((high >>> 20) << 12);
      this.use[at] = (low & USE_BITS) >> 5;
    }
  }

  write(words: Int32Array): void {
    for (let at = 0; at < ENTRIES; at += 1) {
      const frame = this.frames[at] as number;
      const flags = this.flags[at] as number;
      words[2 * at] = ((frame % TWO_20) << 12) | (flags & 0xfff) | ((this.use[at] as number) << 5);
      words[2 * at + 1] = Math.floor(frame / TWO_20) | ((flags >>> 12) << 20);
    }
  }

  isEmpty(at: number): boolean {
    return this.frames[at] === 0 && this.flags[at] === 0 && this.use[at] === 0;
  }
}
