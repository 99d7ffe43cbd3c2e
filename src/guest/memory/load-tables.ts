import {
  type EnumerateOptions,
  enumerate,
  guestTables,
  type LeafSink,
  type NestedContext,
  type PageSource,
  type PagingContext,
} from '../../paging/internal.ts';
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
 * @param nested - the second stage that it lies behind: all tables of that are fetched first, as any may be wanted
 * @returns false when there were more pages than the cache keeps
 * @internal
 */
export async function loadTables(
  context: PagingContext,
  nested: NestedContext | null,
  cache: PageCache,
  options: EnumerateOptions,
  onProgress: LoadProgress = () => {},
): Promise<boolean> {
  if (nested === null) return load(context, (host) => host, cache, options, onProgress);
  if (!(await load(nested.stage, (host) => host, cache, {}, onProgress))) return false;
  return load(context, (host) => guestTables(nested, host), cache, options, onProgress);
}

/** @param through - from host pages to those that the context's tables are in */
async function load(
  context: PagingContext,
  through: (host: PageSource) => PageSource,
  cache: PageCache,
  options: EnumerateOptions,
  onProgress: LoadProgress,
): Promise<boolean> {
  for (const _ of context.levels) {
    const missing = new Set<number>();
    const lookUp = (page: number): Int32Array | null => {
      const words = cache.words(page);
      if (words === undefined) missing.add(page);
      return words ?? null;
    };
    enumerate(context, through(lookUp), TABLES_ONLY, options);
    if (missing.size === 0) return true;
    const affordable = [...missing].slice(0, cache.room);
    const known = cache.size + affordable.length;
    for (let from = 0; from < affordable.length; from += PAGES_AT_ONCE) {
      await cache.load(affordable.slice(from, from + PAGES_AT_ONCE));
      onProgress(cache.size, known);
    }
    if (affordable.length < missing.size) return false;
  }
  return true;
}
