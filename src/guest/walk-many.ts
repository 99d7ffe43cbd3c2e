import { type PagingContext, Walk } from '../paging/index.ts';
import type { PageCache } from './page-cache.ts';

/** The questions of a batch: addresses in halves and access bits, side by side. @internal */
export interface WalkColumns {
  readonly highs: Int32Array;
  readonly lows: Int32Array;
  readonly accesses: Uint16Array;
}

const PAGE_BYTES = 4096;

/**
 * Walks any number of addresses together: as many flights as the tables have levels, each page of tables fetched once, and not
 * one allocation for a walk. A walk that lacks a page is started over when the page is there, which costs less than keeping
 * its state would.
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
  const walk = new Walk(context);
  let open = Int32Array.from(questions.lows, (_, index) => index);
  while (open.length > 0) {
    const missing = new Set<number>();
    let left = 0;
    for (const index of open) {
      const page = advance(walk, questions, index, cache);
      if (page === undefined) {
        done(index, walk);
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

/** @returns the page that the walk lacks; undefined when it has ended */
function advance(
  walk: Walk,
  { highs, lows, accesses }: WalkColumns,
  index: number,
  cache: PageCache,
): number | undefined {
  let wants = walk.start(highs[index] as number, lows[index] as number, accesses[index] as number);
  while (wants) {
    const { wanted } = walk;
    const page = Math.floor(wanted / PAGE_BYTES);
    const words = cache.words(page);
    if (words === undefined) return page;
    const size = walk.levelAt(walk.depth).entrySize;
    if (words === null || !cache.holds(page, wanted, size)) {
      walk.feedUnbacked();
      return undefined;
    }
    const at = (wanted - page * PAGE_BYTES) >> 2;
    wants = walk.feed(words[at] as number, size === 8 ? (words[at + 1] as number) : 0);
  }
  return undefined;
}
