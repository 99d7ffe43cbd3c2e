import { type PagingContext, Walk } from '../paging/index.ts';
import type { PageCache } from './page-cache.ts';

/** The questions of a batch: addresses in halves and access bits, side by side. @internal */
export interface WalkColumns {
  readonly highs: Int32Array;
  readonly lows: Int32Array;
  readonly accesses: Uint16Array;
}

/**
 * Addresses that may be walked together. Even if no two share a table, five levels of tables fit the cache; of more, some would
 * be gone before they are used.
 *
 * @internal
 */
export const WALKED_TOGETHER = 16_384;

const PAGE_BYTES = 4096;

const MAX_LEVELS = 5;

/**
 * Walks any number of addresses together: as many flights as the tables have levels, each page of tables fetched once, and not
 * one allocation for a walk. First the tables are fetched by few walks, one for each table of the last level; all others then
 * have theirs at hand. A walk that lacks a page is started over when the page is there, which costs less than keeping its
 * state would.
 *
 * @param done - called for each address with its finished walk, which is good only during the call; in no particular order
 * @internal
 */
export async function walkMany(
  context: PagingContext,
  questions: WalkColumns,
  cache: PageCache,
  done: (index: number, walk: Walk) => void,
): Promise<void> {
  const stepper = new Stepper(context, questions, cache);
  await walkSome(stepper, onePerLastTable(context, questions), cache, () => {});
  await walkSome(
    stepper,
    new Int32Array(questions.lows.length).map((_, index) => index),
    cache,
    done,
  );
}

/** @param open - the indices of the addresses, which is used up */
async function walkSome(
  stepper: Stepper,
  open: Int32Array,
  cache: PageCache,
  done: (index: number, walk: Walk) => void,
): Promise<void> {
  while (open.length > 0) {
    const missing = new Set<number>();
    let left = 0;
    for (let at = 0; at < open.length; at += 1) {
      const index = open[at] as number;
      const page = stepper.advance(index);
      if (page < 0) {
        done(index, stepper.walk);
      } else {
        missing.add(page);
        open[left] = index;
        left += 1;
      }
    }
    open = open.subarray(0, left);
    if (missing.size > 0) await cache.load(missing);
  }
}

/** Slots for tables that were seen; tables that share a slot cost a walk too many. A power of two. */
const SEEN_SLOTS = 4096;

/** Indices of addresses that between them need every table that any of them needs; some tables may be needed by several. */
function onePerLastTable({ levels }: PagingContext, { highs, lows }: WalkColumns): Int32Array {
  const last = levels.at(-1);
  if (last === undefined) return new Int32Array(0);
  const shift = last.shift + 32 - Math.clz32(last.indexMask);
  const seenHighs = new Int32Array(SEEN_SLOTS);
  const seenLows = new Int32Array(SEEN_SLOTS).fill(-1);
  const chosen = new Int32Array(lows.length);
  let count = 0;
  for (let index = 0; index < lows.length; index += 1) {
    const high = highs[index] as number;
    const low = (lows[index] as number) >>> shift;
    const slot = (low ^ (high << 4)) & (SEEN_SLOTS - 1);
    if (seenLows[slot] === low && seenHighs[slot] === high) continue;
    seenLows[slot] = low;
    seenHighs[slot] = high;
    chosen[count] = index;
    count += 1;
  }
  return chosen.subarray(0, count);
}

/** Takes one walk after the other as far as the fetched pages reach. */
class Stepper {
  readonly walk: Walk;
  readonly #questions: WalkColumns;
  readonly #cache: PageCache;
  /** The page that the walk before used at each depth: most walks share all of theirs but the last. */
  readonly #pages: number[] = new Array(MAX_LEVELS).fill(-1);
  readonly #words: (Int32Array | null)[] = new Array(MAX_LEVELS).fill(null);

  constructor(context: PagingContext, questions: WalkColumns, cache: PageCache) {
    this.walk = new Walk(context);
    this.#questions = questions;
    this.#cache = cache;
  }

  /** @returns the page that the walk lacks; -1 when it has ended */
  advance(index: number): number {
    const { highs, lows, accesses } = this.#questions;
    const walk = this.walk;
    let wants = walk.start(highs[index] as number, lows[index] as number, accesses[index] as number);
    while (wants) {
      const { wanted, depth } = walk;
      const page = Math.floor(wanted / PAGE_BYTES);
      if (this.#pages[depth] !== page) {
        const fetched = this.#cache.words(page);
        if (fetched === undefined) return page;
        this.#pages[depth] = page;
        this.#words[depth] = fetched;
      }
      const words = this.#words[depth] as Int32Array | null;
      const size = walk.levelAt(depth).entrySize;
      if (words === null || !this.#cache.holds(page, wanted, size)) {
        walk.feedUnbacked();
        return -1;
      }
      const at = (wanted - page * PAGE_BYTES) >> 2;
      wants = walk.feed(words[at] as number, size === 8 ? (words[at + 1] as number) : 0);
    }
    return -1;
  }
}
