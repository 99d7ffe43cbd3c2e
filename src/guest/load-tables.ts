import { type EnumerateOptions, enumerate, type LeafSink, type PagingContext } from '../paging/index.ts';
import type { PageCache } from './page-cache.ts';

/** Takes nothing, and goes through each table once. */
const TABLES_ONLY: LeafSink<true> = {
  isFull: false,
  leaf() {},
  enterTable() {},
  leaveTable: () => true,
  applySummary() {},
};

/**
 * Fetches every table of an address space, all of one level in one flight. The tables of the last level are fetched and not
 * looked at: nothing is below them.
 *
 * @returns false when there were more pages than may be kept
 * @internal
 */
export async function loadTables(
  context: PagingContext,
  cache: PageCache,
  maxPages: number,
  options: EnumerateOptions,
): Promise<boolean> {
  let loaded = 0;
  for (const _ of context.levels) {
    const missing = new Set<number>();
    const lookUp = (page: number): Int32Array | null => {
      const words = cache.words(page);
      if (words === undefined) missing.add(page);
      return words ?? null;
    };
    enumerate(context, lookUp, TABLES_ONLY, options);
    if (missing.size === 0) return true;
    const affordable = [...missing].slice(0, maxPages - loaded);
    await cache.load(affordable);
    loaded += affordable.length;
    if (affordable.length < missing.size) return false;
  }
  return true;
}
