import { DumpFormatError } from '../errors.ts';
import type { PhysicalSpan } from '../file/file-ranges.ts';

const PAGE_BYTES = 4096;
/** Pages are counted up to each so many bytes of the bitmap: a look-up counts the bits of no more. */
const COUNTED_BYTES = 512;
const MOST_SPANS = 65_536;
const BITS_OF = Uint8Array.from({ length: 256 }, (_, byte) => {
  let bits = 0;
  for (let rest = byte; rest !== 0; rest >>= 1) bits += rest & 1;
  return bits;
});

/** Which pages there are: a bit for each, from physical address 0 on. @internal */
export class PageBitmap {
  readonly #bytes: Uint8Array;
  readonly #counts: Float64Array;
  readonly #pages: number;

  /** @param pages - how many bits count */
  constructor(bytes: Uint8Array, pages: number) {
    this.#bytes = bytes;
    this.#pages = Math.min(pages, bytes.length * 8);
    this.#counts = new Float64Array(Math.ceil(bytes.length / COUNTED_BYTES) + 1);
    let count = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      if (at % COUNTED_BYTES === 0) this.#counts[at / COUNTED_BYTES] = count;
      count += BITS_OF[bytes[at] ?? 0] ?? 0;
    }
  }

  has(page: number): boolean {
    return page < this.#pages && ((this.#bytes[Math.floor(page / 8)] ?? 0) & (1 << (page % 8))) !== 0;
  }

  /** How many pages there are before one. */
  rankOf(page: number): number {
    const byte = Math.floor(page / 8);
    const from = byte - (byte % COUNTED_BYTES);
    let rank = this.#counts[from / COUNTED_BYTES] ?? 0;
    for (let at = from; at < byte; at += 1) rank += BITS_OF[this.#bytes[at] ?? 0] ?? 0;
    return rank + (BITS_OF[(this.#bytes[byte] ?? 0) & ((1 << (page % 8)) - 1)] ?? 0);
  }

  /** @throws DumpFormatError `ERR_DUMP_FORMAT` for memory in more pieces than any machine has. */
  spans(file: string): readonly PhysicalSpan[] {
    const spans: PhysicalSpan[] = [];
    for (let page = this.#next(0, true); page < this.#pages; ) {
      const end = this.#next(page, false);
      spans.push({ first: page * PAGE_BYTES, last: end * PAGE_BYTES - 1 });
      if (spans.length > MOST_SPANS) {
        throw new DumpFormatError(file, `it has memory in more than ${MOST_SPANS} pieces`);
      }
      page = this.#next(end, true);
    }
    return spans;
  }

  /** The next page, from one on, that there is or is not. */
  #next(from: number, isThere: boolean): number {
    const skipped = isThere ? 0x00 : 0xff;
    let page = from;
    while (page < this.#pages) {
      if (page % 8 === 0 && this.#bytes[page / 8] === skipped) page += 8;
      else if (this.has(page) === isThere) return page;
      else page += 1;
    }
    return this.#pages;
  }
}
