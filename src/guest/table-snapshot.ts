import {
  type Alias,
  changedRanges,
  type EnumerateResult,
  enumerate,
  enumerateLeaves,
  enumerateRuns,
  findAliases,
  type MappedLeaf,
  type MappedRun,
  type PageRange,
  type PageSource,
  type PagingContext,
  type PhysicalRange,
} from '../paging/index.ts';
import { type LinearRange, pagesOfRange } from './linear-range.ts';
import { TABLES_ONLY } from './load-tables.ts';
import type { MemoryMap } from './memory-map.ts';
import type { PageCache } from './page-cache.ts';
import { type NamedRegion, RegionSet } from './region-set.ts';
import type { VcpuState } from './vcpu-state.ts';

/** What a snapshot is made of. @internal */
export interface SnapshotParts {
  readonly state: VcpuState;
  readonly context: PagingContext;
  readonly map: MemoryMap;
  readonly cache: PageCache;
  readonly isWhole: boolean;
  readonly assumed: readonly string[];
}

/**
 * The tables of an address space as they were at one moment. Good for as long as one likes: the guest may run on, and whoever
 * reads the answers may be slow.
 *
 * @public
 */
export class TableSnapshot {
  /** The vCPU, as the question has it. */
  readonly state: VcpuState;
  readonly context: PagingContext;
  readonly memoryMap: MemoryMap;
  /** False when there were more tables than are kept; what is missing counts as not in memory. */
  readonly isWhole: boolean;
  /** What everything here rests on that could not be had, a sentence each. */
  readonly assumed: readonly string[];
  /** How many pages of memory the tables take, each counted once however often it is used. */
  readonly tablePages: number;
  readonly #pageOf: PageSource;
  readonly #regions: RegionSet;

  /** @internal */
  constructor({ state, context, map, cache, isWhole, assumed }: SnapshotParts) {
    this.state = state;
    this.context = context;
    this.memoryMap = map;
    this.isWhole = isWhole;
    this.assumed = assumed;
    this.tablePages = cache.pageCount;
    this.#pageOf = (page) => cache.words(page) ?? null;
    this.#regions = new RegionSet(map);
  }

  /**
   * Runs of pages with the same rights, in ascending order, the lower half first.
   *
   * @param emit - takes each run; false ends the enumeration, which can be taken up again after the run
   */
  runs(emit: (run: MappedRun) => boolean | undefined, range: LinearRange = {}): EnumerateResult {
    const classify = (first: number, last: number): number => this.#regions.classify(first, last);
    const options = { ...pagesOfRange(this.context, range), classify };
    return this.#judge(enumerateRuns(this.context, this.#pageOf, emit, options));
  }

  /** Page by page, likewise. */
  leaves(emit: (leaf: MappedLeaf) => boolean | undefined, range: LinearRange = {}): EnumerateResult {
    return this.#judge(enumerateLeaves(this.context, this.#pageOf, emit, pagesOfRange(this.context, range)));
  }

  /** The linear addresses that lead to physical ones. */
  aliases(
    physical: PhysicalRange,
    emit: (alias: Alias) => boolean | undefined,
    range: LinearRange = {},
  ): EnumerateResult {
    return this.#judge(findAliases(this.context, this.#pageOf, physical, emit, pagesOfRange(this.context, range)));
  }

  /** Goes through each table once and counts: what is shared counts once for each set of rights that leads to it. */
  survey(range: LinearRange = {}): EnumerateResult {
    return this.#judge(enumerate(this.context, this.#pageOf, TABLES_ONLY, pagesOfRange(this.context, range)));
  }

  /** What lies at the physical pages of a run. */
  regionsOf({ classes }: Pick<MappedRun, 'classes'>): readonly NamedRegion[] {
    return this.#regions.decode(classes);
  }

  /** Where a page may be another than in a snapshot that was taken before. */
  changesSince(before: TableSnapshot): readonly PageRange[] {
    return changedRanges(
      { context: before.context, pageOf: before.#pageOf },
      { context: this.context, pageOf: this.#pageOf },
    );
  }

  #judge(result: EnumerateResult): EnumerateResult {
    return { ...result, complete: result.complete && this.isWhole };
  }
}
