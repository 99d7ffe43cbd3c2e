import type { NestedContext } from '../nested/nested-context.ts';
import type { PagingContext } from '../rules/context.ts';
import { type EnumerateOptions, type EnumerateResult, enumerate, type PageSource } from './enumerate.ts';
import { guestTables } from './guest-tables.ts';
import { LeafSplitter } from './leaf-splitter.ts';
import type { PieceSink } from './piece-sink.ts';

/** What part of an address space to go through, and whether behind a second stage. @public */
export interface StagedOptions extends EnumerateOptions {
  /**
   * The second stage that the address space lies behind: tables and pages are then those of a nested guest (L2), sizes the smaller
   * ones of both stages' pages, rights what both leave, and physical addresses, memory and the tables' too, are L1 physical.
   */
  readonly nested?: NestedContext | null;
  /**
   * How many pieces of pages are looked up in the second stage before giving up: 2^18 leaves of a guest can each have 2^18. 64
   * million unless given: 256 GB in 4 KB pages.
   */
  readonly maxPieces?: number;
}

const DEFAULT_MAX_PIECES = 67_108_864;

/**
 * As `enumerate`, behind a second stage where there is one.
 *
 * @internal
 */
export function enumeratePieces<Summary>(
  context: PagingContext,
  pageOf: PageSource,
  sink: PieceSink<Summary>,
  options: StagedOptions,
): EnumerateResult {
  const { nested } = options;
  if (!nested) return enumerate(context, pageOf, sink, options);
  const { firstPage = 0, lastPage = 2 ** (context.linearBits - 12) - 1, maxPieces = DEFAULT_MAX_PIECES } = options;
  const splitter = new LeafSplitter(context, nested, pageOf, sink, { firstPage, lastPage, maxPieces });
  if (context.levels.length > 0) return enumerate(context, guestTables(nested, pageOf), splitter, options);
  // Where neither stage pages there are no pages to tell of.
  if (nested.stage.levels.length > 0) splitter.unpaged();
  return { tables: 0, reservedEntries: 0, unbackedTables: 0, complete: !splitter.isFull };
}
