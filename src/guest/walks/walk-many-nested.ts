import { feedFromPage, type NestedContext, NestedWalk, type PagingContext } from '../../paging/internal.ts';
import type { PageCache } from '../memory/page-cache.ts';
import type { WalkColumns } from './walk-many.ts';

/**
 * Addresses that may be walked together behind a second stage: five tables of the guest, and five of the second stage for each of
 * these and for the page. Even if no two share a table, those of so many fit the cache.
 *
 * @internal
 */
export const NESTED_WALKED_TOGETHER = 2048;

const PAGE_BYTES = 4096;

type Done = (index: number, walk: NestedWalk) => void;

/**
 * As `walkMany`, through two stages. A walk that lacks a page is started over when the page is there.
 *
 * @param done - called for each address with its finished walk, which is good only during the call; in no particular order
 * @param keepsRecords - of every step, for whole translations; they are objects, and some thirty a walk
 * @internal
 */
export async function walkManyNested(
  guest: PagingContext,
  nested: NestedContext,
  { halves, accesses }: WalkColumns,
  cache: PageCache,
  done: Done,
  keepsRecords = false,
): Promise<void> {
  const walk = new NestedWalk(guest, nested, keepsRecords);
  let open: readonly number[] = Array.from(accesses, (_, index) => index);
  while (open.length > 0) {
    const missing = new Set<number>();
    open = open.filter((index) => {
      walk.start(halves[index * 2 + 1] as number, halves[index * 2] as number, accesses[index] as number);
      const page = finish(walk, cache);
      if (page < 0) done(index, walk);
      else missing.add(page);
      return page >= 0;
    });
    if (missing.size > 0) await cache.load(missing);
  }
}

/** @returns the page that the walk lacks; -1 when it has ended */
function finish(walk: NestedWalk, cache: PageCache): number {
  while (walk.isPending) {
    const page = Math.floor(walk.wanted / PAGE_BYTES);
    const words = cache.words(page);
    if (words === undefined) return page;
    feedFromPage(walk, cache.holds(walk.wanted, walk.wantedSizeBytes) ? words : null);
  }
  return -1;
}
