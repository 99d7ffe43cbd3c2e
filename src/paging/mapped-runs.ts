import { ENTRY_A, ENTRY_D } from './architecture.ts';
import type { PagingContext } from './context.ts';
import { leafPageOf } from './entry-kind.ts';
import { type EnumerateOptions, type EnumerateResult, enumerate, type LeafSink, type PageSource } from './enumerate.ts';
import type { Level } from './levels.ts';
import { decodeRights, protectionKeyOf, type Rights } from './rights.ts';

const ENTRY_G = 1 << 8;

/** Consecutive linear pages with the same effective rights, key and global bit, whatever sizes of pages map them. @public */
export interface MappedRun {
  /** First linear address, in canonical form. */
  readonly first: bigint;
  /** Last linear address, inclusive. */
  readonly last: bigint;
  /** Rights over all levels. */
  readonly rights: Rights;
  /** Null where the mode has no keys. */
  readonly protectionKey: number | null;
  readonly global: boolean;
  /** How many leaves of each size there are, by their size in bytes. */
  readonly leaves: Readonly<Record<number, number>>;
  /** How many leaves have A, and D, set. */
  readonly accessed: number;
  readonly dirty: number;
  /** Where the run starts in guest physical memory. */
  readonly physicalFirst: bigint;
  /** The run is one piece of physical memory, from `physicalFirst` on. */
  readonly contiguous: boolean;
}

/** What all leaves of a run share: R/W and U/S as in an entry, bit 8 global, bit 9 XD, bits 15:12 the key. */
type Attributes = number;
const ATTRIBUTE_XD = 1 << 9;
const ATTRIBUTE_KEY_SHIFT = 12;
/** A leaf maps 2^shift bytes; counts are kept by level, 1 to 3. */
const LEVELS = 4;

interface Summary {
  readonly pages: number;
  readonly attributes: Attributes;
  readonly physicalFirst: number;
  readonly contiguous: boolean;
  readonly accessed: number;
  readonly dirty: number;
  readonly leaves: readonly number[];
}

/** A table that is being gone through: the run's state when it was entered, and where its first leaf leads. */
interface Entered {
  readonly first: number;
  readonly next: number;
  readonly accessed: number;
  readonly dirty: number;
  readonly leaves: readonly number[];
  physicalFirst: number;
  /** Breaks counted when the first leaf had been taken. */
  breaks: number;
}

/** Merges leaves into runs, in order. */
class RunMerger implements LeafSink<Summary> {
  readonly #emit: (run: MappedRun) => boolean | undefined;
  readonly #context: PagingContext;
  readonly #leafBytes: readonly number[];
  isFull = false;
  /** The run that grows; `#next` is the linear page after it, -1 when there is none. */
  #next = -1;
  #first = 0;
  #attributes: Attributes = 0;
  #physicalFirst = 0;
  #physicalNext = 0;
  /** Places so far where physical memory does not go on where it left off, and how many there were before this run. */
  #breaks = 0;
  #breaksBefore = 0;
  #accessed = 0;
  #dirty = 0;
  readonly #leaves = [0, 0, 0, 0];
  readonly #entered: Entered[] = [];
  /** How many of the innermost open tables have had no leaf yet. */
  #awaitFirstLeaf = 0;

  constructor(context: PagingContext, emit: (run: MappedRun) => boolean | undefined) {
    this.#context = context;
    this.#emit = emit;
    const bytes = [0, 0, 0, 0];
    for (const { level, shift } of context.levels) if (level < LEVELS) bytes[level] = 2 ** shift;
    this.#leafBytes = bytes;
  }

  leaf(page: number, level: Level, low: number, high: number, rights: number, executeDisabled: number): void {
    const keys = this.#context.policy.protectionKeys ? protectionKeyOf(high) << ATTRIBUTE_KEY_SHIFT : 0;
    const attributes = rights | (low & ENTRY_G) | (executeDisabled === 0 ? 0 : ATTRIBUTE_XD) | keys;
    const physical = leafPageOf(level, low, high);
    if (page !== this.#next || attributes !== this.#attributes) this.#begin(page, attributes, physical);
    else if (physical !== this.#physicalNext) this.#breaks += 1;
    if (this.#awaitFirstLeaf > 0) this.#noteFirstLeaf(physical);
    const pages = 2 ** (level.shift - 12);
    this.#next = page + pages;
    this.#physicalNext = physical + pages;
    this.#accessed += (low & ENTRY_A) >> 5;
    this.#dirty += (low & ENTRY_D) >> 6;
    this.#leaves[level.level] = (this.#leaves[level.level] as number) + 1;
  }

  enterTable(): void {
    this.#entered.push({
      first: this.#first,
      next: this.#next,
      accessed: this.#accessed,
      dirty: this.#dirty,
      leaves: [...this.#leaves],
      physicalFirst: -1,
      breaks: 0,
    });
    this.#awaitFirstLeaf += 1;
  }

  /** A table is uniform when it is mapped from its first page to its last, and all in one run. */
  leaveTable(page: number, pages: number): Summary | null {
    const before = this.#entered.pop();
    if (this.#awaitFirstLeaf > 0) this.#awaitFirstLeaf -= 1;
    if (before === undefined || this.#next !== page + pages) return null;
    const grew = this.#first === before.first && before.next === page;
    if (!grew && this.#first !== page) return null;
    const since = grew ? before : { accessed: 0, dirty: 0, leaves: [0, 0, 0, 0] };
    return {
      pages,
      attributes: this.#attributes,
      physicalFirst: before.physicalFirst,
      contiguous: this.#breaks === before.breaks,
      accessed: this.#accessed - since.accessed,
      dirty: this.#dirty - since.dirty,
      leaves: this.#leaves.map((count, level) => count - (since.leaves[level] ?? 0)),
    };
  }

  applySummary(page: number, summary: Summary): void {
    const extends_ = page === this.#next && summary.attributes === this.#attributes;
    if (!extends_) this.#begin(page, summary.attributes, summary.physicalFirst);
    else if (summary.physicalFirst !== this.#physicalNext) this.#breaks += 1;
    if (this.#awaitFirstLeaf > 0) this.#noteFirstLeaf(summary.physicalFirst);
    if (!summary.contiguous) this.#breaks += 1;
    this.#next = page + summary.pages;
    this.#physicalNext = summary.physicalFirst + summary.pages;
    this.#accessed += summary.accessed;
    this.#dirty += summary.dirty;
    summary.leaves.forEach((count, level) => {
      this.#leaves[level] = (this.#leaves[level] as number) + count;
    });
  }

  /** The last run has nothing after it that would end it. */
  finish(): void {
    this.#flush();
  }

  #noteFirstLeaf(physical: number): void {
    for (const entered of this.#entered.slice(-this.#awaitFirstLeaf)) {
      entered.physicalFirst = physical;
      entered.breaks = this.#breaks;
    }
    this.#awaitFirstLeaf = 0;
  }

  #begin(page: number, attributes: Attributes, physical: number): void {
    this.#flush();
    this.#first = page;
    this.#attributes = attributes;
    this.#physicalFirst = physical;
    this.#breaksBefore = this.#breaks;
    this.#accessed = 0;
    this.#dirty = 0;
    this.#leaves.fill(0);
  }

  #flush(): void {
    if (this.#next === -1) return;
    const attributes = this.#attributes;
    const leaves: Record<number, number> = {};
    this.#leaves.forEach((count, level) => {
      if (count > 0) leaves[this.#leafBytes[level] ?? 0] = count;
    });
    const more = this.#emit({
      first: canonicalAddress(this.#context, this.#first),
      last: canonicalAddress(this.#context, this.#next - 1) | 0xfffn,
      rights: decodeRights(attributes, (attributes & ATTRIBUTE_XD) === 0),
      protectionKey: this.#context.policy.protectionKeys ? attributes >>> ATTRIBUTE_KEY_SHIFT : null,
      global: (attributes & ENTRY_G) !== 0,
      leaves,
      accessed: this.#accessed,
      dirty: this.#dirty,
      physicalFirst: BigInt(this.#physicalFirst) << 12n,
      contiguous: this.#breaks === this.#breaksBefore,
    });
    this.#next = -1;
    if (more === false) this.isFull = true;
  }
}

/** The linear address of a page number: sign-extended where the mode has canonical addresses. @internal */
export function canonicalAddress(context: PagingContext, page: number): bigint {
  const address = BigInt(page) << 12n;
  return context.linearBits === 32 ? address : BigInt.asUintN(64, BigInt.asIntN(context.linearBits, address));
}

/** The page number of a linear address, without its sign extension. @internal */
export function linearPageOf(context: PagingContext, address: bigint): number {
  return Number(BigInt.asUintN(context.linearBits, address) >> 12n);
}

/**
 * Enumerates an address space as runs of pages with the same rights.
 *
 * @param emit - takes each run, in ascending order of page numbers (the lower half first); false ends the enumeration
 * @public
 */
export function enumerateRuns(
  context: PagingContext,
  pageOf: PageSource,
  emit: (run: MappedRun) => boolean | undefined,
  options: EnumerateOptions = {},
): EnumerateResult {
  const merger = new RunMerger(context, emit);
  const result = enumerate(context, pageOf, merger, options);
  merger.finish();
  return result;
}
