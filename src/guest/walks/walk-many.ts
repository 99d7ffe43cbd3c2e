import { feedFromPage, LastTableSlots, type PagingContext, type StructureCache, Walk } from '../../paging/internal.ts';
import type { PageCache } from '../memory/page-cache.ts';
import { LAST_TABLES, LastTables } from './last-tables.ts';

/** The questions of a batch, side by side. @internal */
export interface WalkColumns {
  /** Linear addresses as little-endian 64-bit numbers: halves at 2n and 2n + 1. */
  readonly halves: Int32Array;
  /** ACCESS bits of each. */
  readonly accesses: Uint16Array;
}

/** @param addresses - the questions see what it holds, and not a copy @internal */
export function halvesOf(addresses: BigUint64Array | BigInt64Array): Int32Array {
  return new Int32Array(addresses.buffer, addresses.byteOffset, addresses.length * 2);
}

/**
 * Addresses that may be walked together. Even if no two share a table, five levels of tables fit the cache; of more, some would
 * be gone before they are used.
 *
 * @internal
 */
export const WALKED_TOGETHER = 16_384;

const PAGE_BYTES = 4096;
/** Walks whose last entries are fetched from this machine's memory side by side: they fit a processor's own caches. */
const FETCHED_TOGETHER = 256;

/**
 * Walks any number of addresses together: as many flights as the tables have levels, each page of tables fetched once, and not
 * one allocation for a walk. First the tables are fetched by few walks, one for each table of the last level; all others then
 * have theirs at hand. A walk that lacks a page is started over when the page is there, which costs less than keeping its
 * state would.
 *
 * @param done - called for each address with its finished walk, which is good only during the call; in no particular order
 * @param known - what batches before this one came to, of the same context
 * @internal
 */
export async function walkMany(
  context: PagingContext,
  questions: WalkColumns,
  cache: PageCache,
  done: Done,
  known = new LastTables(context),
): Promise<void> {
  const stepper = new Stepper(context, questions, cache, known);
  let open = stepper.onePerLastTable();
  while (open.length > 0) open = await stepper.advance(() => {}, open);
  open = await stepper.advance(done);
  while (open.length > 0) open = await stepper.advance(done, open);
}

type Done = (index: number, walk: Walk) => void;

/** Takes one walk after the other as far as the fetched pages reach. */
class Stepper {
  readonly #walk: Walk;
  readonly #questions: WalkColumns;
  readonly #cache: PageCache;
  readonly #structures: StructureCache;
  readonly #tables: LastTables;
  /** Of the walks whose last entries are fetched side by side: the buffers that these are in, and the words in those. */
  readonly #fetchedBuffers = new Uint8Array(FETCHED_TOGETHER);
  readonly #fetchedWords = new Int32Array(FETCHED_TOGETHER);
  #touched = 0;

  constructor(context: PagingContext, questions: WalkColumns, cache: PageCache, known: LastTables) {
    this.#walk = new Walk(context);
    this.#questions = questions;
    this.#cache = cache;
    this.#structures = known.structures;
    this.#tables = known;
  }

  /** Indices of addresses that between them need every table that any of them needs; some tables may be needed by several. */
  onePerLastTable(): readonly number[] {
    const { halves, accesses } = this.#questions;
    const seen = new LastTableSlots(this.#walk.context, LAST_TABLES);
    const chosen: number[] = [];
    for (let index = 0; index < accesses.length; index += 1) {
      const low = halves[index * 2] as number;
      const high = halves[index * 2 + 1] as number;
      if (this.#structures.find(high, low) >= 0) continue;
      // A walk that ends before any table needs none, though the same address may with another kind of access.
      if (seen.find(high, low) >= 0 || !this.#start(index)) continue;
      seen.take(high, low);
      chosen.push(index);
    }
    return chosen;
  }

  /**
   * @param open - indices of addresses; all unless given
   * @returns those whose walks lacked a page that now is there
   */
  async advance(done: Done, open?: readonly number[]): Promise<readonly number[]> {
    const left: number[] = [];
    const missing = new Set<number>();
    const count = open === undefined ? this.#questions.accesses.length : open.length;
    for (let at = 0; at < count; at += 1) {
      if (open === undefined && at % FETCHED_TOGETHER === 0) this.#touch(at, Math.min(at + FETCHED_TOGETHER, count));
      this.#advanceOne(open === undefined ? at : (open[at] as number), done, left, missing);
    }
    if (missing.size > 0) await this.#cache.load(missing);
    return left;
  }

  /**
   * Looks at the last entries of some walks. Each walk by itself would wait for its entry; here a processor that executes out of order
   * has many of them on their way: as many as the instructions between two loads let it see at once, so where they lie is found before.
   */
  #touch(first: number, end: number): void {
    const { halves } = this.#questions;
    const last = this.#walk.context.levels.at(-1);
    if (last === undefined) return;
    const { shift, indexMask, entrySizeBytes } = last;
    const wordsOfEntry = entrySizeBytes / 4;
    const { buffers, bufferOf, firstWordOf } = this.#tables;
    const places = this.#fetchedWords;
    const sources = this.#fetchedBuffers;
    let count = 0;
    for (let index = first; index < end; index += 1) {
      const low = halves[index * 2] as number;
      const slot = this.#structures.find(halves[index * 2 + 1] as number, low);
      const firstWord = slot < 0 ? -1 : (firstWordOf[slot] as number);
      if (firstWord < 0) continue;
      sources[count] = bufferOf[slot] as number;
      places[count] = firstWord + ((low >>> shift) & indexMask) * wordsOfEntry;
      count += 1;
    }
    let seen = this.#touched;
    for (let at = 0; at < count; ) {
      const source = sources[at] as number;
      const words = buffers[source] as Int32Array;
      for (; at < count && sources[at] === source; at += 1) seen ^= words[places[at] as number] as number;
    }
    // Kept, or the engine might leave the loads out.
    this.#touched = seen;
  }

  #advanceOne(index: number, done: Done, left: number[], missing: Set<number>): void {
    const page = this.#takeSteps(index);
    if (page < 0) {
      done(index, this.#walk);
    } else {
      left.push(index);
      missing.add(page);
    }
  }

  #start(index: number): boolean {
    const { halves, accesses } = this.#questions;
    return this.#walk.start(halves[index * 2 + 1] as number, halves[index * 2] as number, accesses[index] as number);
  }

  /** @returns the page that the walk lacks; -1 when it has ended */
  #takeSteps(index: number): number {
    const walk = this.#walk;
    let wants = this.#start(index);
    if (!wants) return -1;
    const tables = this.#tables;
    const known = this.#structures.skip(walk);
    if (known >= 0 && (tables.firstWordOf[known] as number) >= 0) {
      const words = tables.buffers[tables.bufferOf[known] as number] as Int32Array;
      const isThere = this.#cache.holds(walk.wanted, walk.wantedSizeBytes);
      feedFromPage(walk, isThere ? words : null, tables.firstWordOf[known] as number);
      return -1;
    }
    while (wants) {
      const page = Math.floor(walk.wanted / PAGE_BYTES);
      const words = this.#cache.words(page);
      if (words === undefined) return page;
      const number = this.#structures.keep(walk);
      if (number >= 0) tables.keep(number, words);
      wants = feedFromPage(walk, this.#cache.holds(walk.wanted, walk.wantedSizeBytes) ? words : null);
    }
    return -1;
  }
}
