import { type EnumerateOptions, enumerate, type LeafSink, type PagingContext } from '../paging/index.ts';
import type { PageCache } from './page-cache.ts';

/** Takes nothing, and goes through each table once. @internal */
export const TABLES_ONLY: LeafSink<true> = {
  isFull: false,
  leaf() {},
  enterTable() {},
  leaveTable: () => true,
  applySummary() {},
};

/** Told while tables are fetched: how many pages of those known so far are there. @public */
export type LoadProgress = (loadedPages: number, knownPages: number) => void;

/** Few enough that the progress is seen, many enough that none of it costs a thing. */
const PAGES_AT_ONCE = 2048;

/**
 * Fetches every table of an address space, level by level. The tables of the last level are fetched and not
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
  onProgress: LoadProgress = () => {},
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
    const known = loaded + affordable.length;
    for (let from = 0; from < affordable.length; from += PAGES_AT_ONCE) {
      const part = affordable.slice(from, from + PAGES_AT_ONCE);
      await cache.load(part);
      loaded += part.length;
      onProgress(loaded, known);
    }
    if (affordable.length < missing.size) return false;
  }
  return true;
}
