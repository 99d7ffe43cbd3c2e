import { Random } from './random.ts';

const TABLE_BYTES = 4096;
const ENTRIES = 512;
const TABLE_BITS = 0x67n;
const ACCESSED = 0x20n;
const DIRTY = 0x40n;
const XD = 1n << 63n;

/** Tables in a buffer that begins at physical address 0, and their root. */
export interface PicturedTables {
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly root: number;
  readonly pages: number;
}

/**
 * An address space from 0 on in 4 KB pages, as a system has it that has run for a while: pieces of memory of some pages each,
 * with A and D as they fall.
 *
 * @param pageTables - each maps 2 MB
 * @param piecePages - so many neighbours there are at most in memory; 1 for pages at random
 * @param rangePages - so many have the same rights at most
 */
export function picturedTables(pageTables: number, piecePages: number, rangePages: number): PicturedTables {
  const random = new Random(1);
  const counts = [pageTables];
  while (counts.length < 4) counts.push(Math.ceil((counts.at(-1) ?? 1) / ENTRIES));
  const total = counts.reduce((sum, count) => sum + count);
  const entries = new BigUint64Array(total * ENTRIES);
  let frame = 0;
  let left = 0;
  let rights = 0x3n;
  let rightsLeft = 0;
  let use = 0n;
  for (let at = 0; at < pageTables * ENTRIES; at += 1) {
    if (left === 0) {
      frame = random.below(2 ** 28);
      left = 1 + random.below(piecePages);
      use = [0n, ACCESSED, ACCESSED | DIRTY][random.below(3)] ?? 0n;
    }
    if (rightsLeft === 0) {
      rights = [0x1n, 0x3n, 0x5n, 0x7n, 0x1n | XD, 0x3n | XD][random.below(6)] ?? 0x3n;
      rightsLeft = 1 + random.below(rangePages);
    }
    entries[at] = (BigInt(frame) * BigInt(TABLE_BYTES)) | rights | use;
    frame += 1;
    left -= 1;
    rightsLeft -= 1;
  }
  let below = 0;
  let base = 0;
  for (const count of counts.slice(1)) {
    const previous = counts[below] ?? 0;
    const start = base + previous;
    for (let at = 0; at < previous; at += 1) {
      entries[start * ENTRIES + at] = BigInt((base + at) * TABLE_BYTES) | TABLE_BITS;
    }
    base = start;
    below += 1;
    if (count === 0) break;
  }
  return { memory: new Uint8Array(entries.buffer), root: base * TABLE_BYTES, pages: pageTables * ENTRIES };
}
