import {
  type Alias,
  changedNestedRanges,
  changedRanges,
  type EnumerateOptions,
  type EnumerateResult,
  enumerate,
  enumerateLeaves,
  enumerateRanges,
  everyPage,
  findAliases,
  guestTables,
  type MappedLeaf,
  type MappedRange,
  type NestedContext,
  type PageRange,
  type PageSource,
  type PagingContext,
  type PhysicalRange,
  type StagedOptions,
  type TablesAtOnce,
} from '../paging/internal.ts';
import { GuestUsageError } from './errors.ts';
import { IdentitySpace } from './identity-space.ts';
import { type LinearRange, pagesOfRange } from './linear-range.ts';
import { TABLES_ONLY } from './memory/load-tables.ts';
import type { MemoryMap } from './memory/memory-map.ts';
import type { PageCache } from './memory/page-cache.ts';
import { type NamedRegion, RegionSet } from './memory/region-set.ts';
import type { Assumption } from './vcpu/assumption.ts';
import type { VcpuState } from './vcpu/vcpu-state.ts';

/** No page at all: only the table that every walk begins with is looked at. */
const ROOT_ALONE: EnumerateOptions = { firstPage: 1, lastPage: 0 };

/** What a snapshot is made of. @internal */
export interface SnapshotParts {
  readonly state: VcpuState;
  readonly context: PagingContext;
  readonly nested: NestedContext | null;
  readonly map: MemoryMap;
  readonly cache: PageCache;
  readonly isWhole: boolean;
  readonly assumed: readonly Assumption[];
}

/**
 * The tables of an address space as they were at one moment. It stays valid while the guest runs, however
 * slowly the answers are read.
 *
 * @public
 */
export class TableSnapshot {
  /** The vCPU, as the question has it. */
  readonly state: VcpuState;
  readonly context: PagingContext;
  /**
   * The second stage, where the vCPU runs a nested guest (L2); else null. Pages and their rights are then what both
   * stages together make of that guest's linear addresses, and physical addresses are L1 physical, as QEMU has them.
   */
  readonly nested: NestedContext | null;
  readonly memoryMap: MemoryMap;
  /** False when there were more tables than are kept; what is missing counts as not in memory. */
  readonly isWhole: boolean;
  /** What everything here rests on that was unavailable. */
  readonly assumed: readonly Assumption[];
  /** How many pages of memory the tables take, each counted once however often it is used. */
  readonly tablePages: number;
  /** Names of the ROM in which tables lie, shadowed ROM above all: no A or D bit can be set there. */
  readonly tablesInRom: readonly string[];
  /** Of each snapshot another one: two of them are the same only where they are one, as their tables are not compared. */
  readonly identity = Symbol('snapshot');
  readonly #cache: PageCache;
  readonly #pageOf: PageSource;
  readonly #regions: RegionSet;
  /** What all answers are where paging is off. */
  readonly #identity: IdentitySpace | undefined;

  /** @internal */
  constructor({ state, context, nested, map, cache, isWhole, assumed }: SnapshotParts) {
    this.state = state;
    this.context = context;
    this.nested = nested;
    this.memoryMap = map;
    this.isWhole = isWhole;
    this.assumed = assumed;
    this.tablePages = cache.pageCount;
    this.tablesInRom = cache.romNames;
    this.#cache = cache;
    this.#pageOf = (page) => cache.words(page) ?? null;
    this.#regions = new RegionSet(map);
    this.#identity =
      context.mode === 'off' && nested === null ? new IdentitySpace(!state.a20.value, map, this.#regions) : undefined;
  }

  /** The pages of tables, those of a second stage too, in ascending order: walks can be made of them elsewhere. @internal */
  get tables(): readonly (readonly [page: number, words: Int32Array])[] {
    return this.#cache.pages;
  }

  /** Where several regions share a bit of `classes` they have one name. @internal */
  get classNames(): readonly NamedRegion[] {
    return this.#regions.names;
  }

  /** False where the table that every walk begins with is neither in RAM nor in ROM: nothing is known of the address space. */
  get isRootReadable(): boolean {
    const { tables, unbackedTables } = this.#enumerateTables(ROOT_ALONE);
    return tables > 0 || unbackedTables === 0;
  }

  /** False where no stage has tables: linear addresses are the physical ones. */
  get isPaged(): boolean {
    return this.context.mode !== 'off' || (this.nested !== null && this.nested.stage.mode !== 'off');
  }

  /**
   * Ranges of pages with the same rights, in ascending order, the lower half first.
   *
   * @param emit - takes each range; false ends the enumeration, which can be taken up again after the range
   */
  ranges(emit: (range: MappedRange) => boolean | undefined, range: LinearRange = {}): EnumerateResult {
    if (this.#identity) return this.#identity.ranges(emit, range);
    const classify = (first: number, last: number): number => this.#regions.classify(first, last);
    return this.#judge(enumerateRanges(this.context, this.#pageOf, emit, { ...this.#part(range), classify }));
  }

  /** Page by page, likewise. */
  leaves(emit: (leaf: MappedLeaf) => boolean | undefined, range: LinearRange = {}): EnumerateResult {
    if (this.#identity) return this.#identity.leaves(emit, range);
    return this.#judge(enumerateLeaves(this.context, this.#pageOf, emit, this.#part(range)));
  }

  /** The linear addresses that lead to physical ones: of a nested guest (L2) to L1 physical ones, through both stages. */
  aliases(
    physical: PhysicalRange,
    emit: (alias: Alias) => boolean | undefined,
    range: LinearRange = {},
  ): EnumerateResult {
    if (this.#identity) return this.#identity.aliases(physical, emit, range);
    return this.#judge(findAliases(this.context, this.#pageOf, physical, emit, this.#part(range)));
  }

  /**
   * The linear addresses of a nested guest (L2) that its own tables lead to L2 physical ones, with the rights that these
   * tables leave: what the second stage makes of the page does not count, but tables that it keeps from the guest's
   * processor are not there.
   *
   * @throws GuestUsageError `ERR_GUEST_USAGE` where there is one stage.
   */
  l2Aliases(
    physical: PhysicalRange,
    emit: (alias: Alias) => boolean | undefined,
    range: LinearRange = {},
  ): EnumerateResult {
    const { context, nested, state } = this;
    if (nested === null) {
      throw new GuestUsageError(
        `vCPU ${state.cpu} runs no nested guest (L2), so there are no L2 physical addresses: ` +
          'ask while it runs one, or name the second stage (--nested)',
      );
    }
    if (context.mode === 'off') {
      return new IdentitySpace(!state.a20.value, this.memoryMap, this.#regions).aliases(physical, emit, range);
    }
    const pageOf = guestTables(nested, this.#pageOf);
    return this.#judge(findAliases(context, pageOf, physical, emit, pagesOfRange(context, range)));
  }

  /**
   * Goes through each table once and counts: what is shared counts once for each set of rights that leads to it. Tables of the
   * second stage do not count; those that it does not let a walk read are in no memory.
   */
  survey(range: LinearRange = {}): EnumerateResult {
    return this.#judge(this.#enumerateTables(pagesOfRange(this.context, range)));
  }

  #enumerateTables(options: EnumerateOptions): EnumerateResult {
    const pageOf = this.nested === null ? this.#pageOf : guestTables(this.nested, this.#pageOf);
    return enumerate(this.context, pageOf, TABLES_ONLY, options);
  }

  /** What is known without going through the tables, for `JSON.stringify`. */
  toJSON(): object {
    const { state, context, memoryMap, isWhole, assumed, tablePages, isPaged } = this;
    return { cpu: state.cpu, mode: context.mode, isPaged, isWhole, tablePages, assumed, state, memoryMap };
  }

  /** What lies at the physical pages of a range. */
  regionsOf({ classes }: Pick<MappedRange, 'classes'>): readonly NamedRegion[] {
    return this.#regions.decode(classes);
  }

  /** Where a page may be another than in a snapshot that was taken before. */
  changesSince(before: TableSnapshot): readonly PageRange[] {
    const [one, other] = [before.#tables(), this.#tables()];
    if (before.nested !== null && this.nested !== null) {
      return changedNestedRanges({ ...one, nested: before.nested }, { ...other, nested: this.nested });
    }
    return before.nested === this.nested ? changedRanges(one, other) : everyPage(before.context, this.context);
  }

  #tables(): TablesAtOnce {
    return { context: this.context, pageOf: this.#pageOf };
  }

  #part(range: LinearRange): StagedOptions {
    return { ...pagesOfRange(this.context, range), nested: this.nested };
  }

  #judge(result: EnumerateResult): EnumerateResult {
    return { ...result, complete: result.complete && this.isWhole };
  }
}
