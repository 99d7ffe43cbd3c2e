import { type PagingContext, StructureCache } from '../../paging/internal.ts';

/** Tables of the last level that are kept at hand: those of 8 GiB in pages of 4 KB. @internal */
export const LAST_TABLES = 4096;

const NOT_AT_HAND = -1;
const WORD_BYTES = 4;
/** What is kept of a buffer keeps all of it: these are about as much as a page cache has. */
const MAX_BUFFERS = 16;

/**
 * Tables of the last level that walks came to, and the ways there. It serves for as long as no table changes: from batch to batch.
 *
 * Where a table's words are is kept as a place in the buffer that its page was fetched into. An array for each page would do, but two
 * thousand of those take more room in a processor's caches than the entries that are wanted of them.
 *
 * @internal
 */
export class LastTables {
  readonly structures: StructureCache;
  /** Pages that were fetched together, in full. */
  readonly buffers: Int32Array[] = [];
  /** Of each table, by its number in `structures`, the buffer it is in. */
  readonly bufferOf = new Uint8Array(LAST_TABLES);
  /** Of each table its first word there; negative where it is not at hand, or in no memory. */
  readonly firstWordOf = new Int32Array(LAST_TABLES).fill(NOT_AT_HAND);

  constructor(context: PagingContext) {
    this.structures = new StructureCache(context, LAST_TABLES);
  }

  /** @param number - of the table in `structures` */
  keep(number: number, words: Int32Array | null): void {
    if (words === null) {
      this.firstWordOf[number] = NOT_AT_HAND;
      return;
    }
    this.bufferOf[number] = this.#indexOf(words.buffer);
    this.firstWordOf[number] = words.byteOffset / WORD_BYTES;
  }

  #indexOf(buffer: ArrayBufferLike): number {
    const index = this.buffers.findIndex((known) => known.buffer === buffer);
    if (index >= 0) return index;
    if (this.buffers.length === MAX_BUFFERS) {
      this.buffers.length = 0;
      this.firstWordOf.fill(NOT_AT_HAND);
    }
    return this.buffers.push(new Int32Array(buffer)) - 1;
  }
}
