import { busPage, pagesInOnePiece } from '../enumerate/bus-page.ts';
import type { EnumerateResult, PageSource } from '../enumerate/enumerate.ts';
import { enumeratePieces, type StagedOptions } from '../enumerate/enumerate-pieces.ts';
import { encodeAttributes, type LeafAttributes } from '../enumerate/leaf-attributes.ts';
import { upperHalfPage } from '../enumerate/linear-page.ts';
import type { PageSize, PieceSink } from '../enumerate/piece-sink.ts';
import { PIECE_SIZES } from '../enumerate/piece-sizes.ts';
import { ENTRY_A, ENTRY_D } from '../rules/architecture.ts';
import type { PagingContext } from '../rules/context.ts';
import { leafPageOf } from '../rules/entry-kind.ts';
import type { Level } from '../rules/levels.ts';
import { type MappedRange, RangeMaker } from './mapped-range.ts';

/** Says with bits of the caller's what lies at physical pages. @public */
export type ClassifyPages = (firstPage: number, lastPage: number) => number;

/** What part of an address space to go through, and what to find out on the way. @public */
export interface RangeOptions extends StagedOptions {
  readonly classify?: ClassifyPages;
}

/** Physical memory that was passed: page numbers, `end` exclusive. */
interface Extent {
  low: number;
  end: number;
  classes: number;
}

interface Summary extends Extent {
  readonly pages: number;
  readonly attributes: LeafAttributes;
  readonly physicalFirst: number;
  readonly physicalNext: number;
  readonly breaks: number;
  readonly accessed: number;
  readonly dirty: number;
  readonly leaves: readonly number[];
}

/** Nothing is mapped below. */
const EMPTY = null;

/** A table that is being gone through: the range's state when it was entered, and where its first leaf leads. */
interface Entered extends Extent {
  readonly first: number;
  readonly next: number;
  readonly accessed: number;
  readonly dirty: number;
  readonly leaves: readonly number[];
  /** Leaves and summaries taken before. */
  readonly taken: number;
  physicalFirst: number;
  /** Breaks counted when the first leaf had been taken. */
  breaks: number;
}

type Emit = (range: MappedRange) => boolean | undefined;

/** What a table comes to, or that nothing is mapped below it. */
interface TableResult {
  readonly summary: Summary | typeof EMPTY;
}

const NOTHING_BELOW: TableResult = { summary: EMPTY };

/** Above every page number: nothing was passed. */
const NOWHERE = 2 ** 53;

/** Merges leaves into ranges, in order. */
class RangeMerger implements PieceSink<TableResult> {
  readonly #emit: Emit;
  readonly #context: PagingContext;
  readonly #classify: ClassifyPages | undefined;
  readonly #maker: RangeMaker;
  readonly #upperHalf: number;
  isFull = false;
  /** The range that grows; `#next` is the linear page after it, -1 when there is none. */
  #next = -1;
  #first = 0;
  #attributes: LeafAttributes = 0;
  #physicalFirst = 0;
  #physicalNext = 0;
  /** Places so far where physical memory does not go on where it left off, and how many there were before this range. */
  #breaks = 0;
  #breaksBefore = 0;
  #accessed = 0;
  #dirty = 0;
  /** By the level of their size. */
  readonly #leaves = [0, 0, 0, 0, 0];
  /** What was passed of this range since the innermost table was entered, but for the piece that is being passed. */
  #low = NOWHERE;
  #end = 0;
  #classes = 0;
  /** The piece from here to `#physicalNext` is yet to be noted. */
  #pieceFirst = 0;
  readonly #entered: Entered[] = [];
  /** Of so many of these, from the outermost on, nothing of this range was passed before they were entered. */
  #settled = 0;
  /** How many of the innermost open tables have had no leaf yet. */
  #awaitFirstLeaf = 0;
  #taken = 0;

  constructor(context: PagingContext, emit: Emit, { classify, nested }: RangeOptions) {
    this.#context = context;
    this.#emit = emit;
    this.#classify = classify;
    this.#maker = new RangeMaker(context, nested ? PIECE_SIZES : context.levels);
    this.#upperHalf = upperHalfPage(context);
  }

  leaf(page: number, level: Level, low: number, high: number, rights: number, executeDisabled: number): void {
    const { policy, a20Masked } = this.#context;
    const attributes = encodeAttributes(policy.protectionKeys, low, high, rights, executeDisabled);
    const physical = busPage(a20Masked, leafPageOf(level, low, high));
    this.#goOn(page, attributes, physical);
    const pages = 1 << (level.shift - 12);
    this.#next = page + pages;
    this.#physicalNext = physical + pages;
    if (a20Masked !== 0) this.#passFolded(physical, pages);
    this.#accessed += (low & ENTRY_A) >> 5;
    this.#dirty += (low & ENTRY_D) >> 6;
    this.#leaves[level.level] = (this.#leaves[level.level] as number) + 1;
  }

  /** The same as for a leaf, and not by way of it: one more call for each leaf slows the enumeration down by an eighth. */
  piece(page: number, { level, shift }: PageSize, physical: number, attributes: LeafAttributes, low: number): void {
    this.#goOn(page, attributes, physical);
    const pages = 1 << (shift - 12);
    this.#next = page + pages;
    this.#physicalNext = physical + pages;
    this.#accessed += (low & ENTRY_A) >> 5;
    this.#dirty += (low & ENTRY_D) >> 6;
    this.#leaves[level] = (this.#leaves[level] as number) + 1;
  }

  enterTable(): void {
    this.#notePiece();
    this.#entered.push({
      low: this.#low,
      end: this.#end,
      classes: this.#classes,
      first: this.#first,
      next: this.#next,
      accessed: this.#accessed,
      dirty: this.#dirty,
      leaves: [...this.#leaves],
      taken: this.#taken,
      physicalFirst: -1,
      breaks: 0,
    });
    this.#low = NOWHERE;
    this.#end = 0;
    this.#classes = 0;
    this.#awaitFirstLeaf += 1;
  }

  leaveTable(page: number, pages: number): TableResult | null {
    this.#notePiece();
    const before = this.#entered.pop() as Entered;
    if (this.#settled > this.#entered.length) this.#settled = this.#entered.length;
    const own = { low: this.#low, end: this.#end, classes: this.#classes };
    this.#add(before);
    if (this.#awaitFirstLeaf > 0) this.#awaitFirstLeaf -= 1;
    if (before.taken === this.#taken) return NOTHING_BELOW;
    return this.#summarize(page, pages, before, own);
  }

  /** A table is uniform when it is mapped from its first page to its last, and all in one range. */
  #summarize(page: number, pages: number, before: Entered, own: Extent): TableResult | null {
    const grew = this.#first === before.first && before.next === page;
    if (this.#next !== page + pages || (!grew && this.#first !== page)) return null;
    const since = grew ? before : { accessed: 0, dirty: 0, leaves: [0, 0, 0, 0, 0] };
    const summary = {
      low: own.low,
      end: own.end,
      classes: own.classes,
      pages,
      attributes: this.#attributes,
      physicalFirst: before.physicalFirst,
      physicalNext: this.#physicalNext,
      breaks: this.#breaks - before.breaks,
      accessed: this.#accessed - since.accessed,
      dirty: this.#dirty - since.dirty,
      leaves: this.#leaves.map((count, level) => count - (since.leaves[level] as number)),
    };
    return { summary };
  }

  applySummary(page: number, { summary }: TableResult): void {
    if (summary === EMPTY) return;
    this.#goOn(page, summary.attributes, summary.physicalFirst);
    this.#notePiece();
    this.#add(summary);
    this.#breaks += summary.breaks;
    this.#next = page + summary.pages;
    this.#physicalNext = summary.physicalNext;
    this.#pieceFirst = summary.physicalNext;
    this.#accessed += summary.accessed;
    this.#dirty += summary.dirty;
    summary.leaves.forEach((count, level) => {
      this.#leaves[level] = (this.#leaves[level] as number) + count;
    });
  }

  /** The last range has nothing after it that would end it. */
  finish(): void {
    this.#flush();
  }

  /** Whether the range goes on, and its piece of physical memory with it. */
  #goOn(page: number, attributes: LeafAttributes, physical: number): void {
    if (page !== this.#next || attributes !== this.#attributes || page === this.#upperHalf) {
      this.#begin(page, attributes, physical);
    } else if (physical !== this.#physicalNext) {
      this.#notePiece();
      this.#breaks += 1;
      this.#pieceFirst = physical;
      this.#physicalNext = physical;
    }
    this.#taken += 1;
    if (this.#awaitFirstLeaf > 0) this.#noteFirstLeaf(physical);
  }

  /** With A20 masked a large page is its first megabyte, time and again. */
  #passFolded(physical: number, pages: number): void {
    const piece = pagesInOnePiece(this.#context.a20Masked, pages);
    this.#physicalNext = physical + piece;
    for (let from = piece; from < pages; from += piece) {
      this.#notePiece();
      this.#breaks += 1;
      this.#pieceFirst = busPage(this.#context.a20Masked, physical + from);
      this.#physicalNext = this.#pieceFirst + piece;
    }
  }

  #notePiece(): void {
    const low = this.#pieceFirst;
    const end = this.#physicalNext;
    if (end === low) return;
    if (low < this.#low) this.#low = low;
    if (end > this.#end) this.#end = end;
    if (this.#classify !== undefined) this.#classes |= this.#classify(low, end - 1);
    this.#pieceFirst = end;
  }

  #add({ low, end, classes }: Extent): void {
    if (low < this.#low) this.#low = low;
    if (end > this.#end) this.#end = end;
    this.#classes |= classes;
  }

  #noteFirstLeaf(physical: number): void {
    for (const entered of this.#entered.slice(-this.#awaitFirstLeaf)) {
      entered.physicalFirst = physical;
      entered.breaks = this.#breaks;
    }
    this.#awaitFirstLeaf = 0;
  }

  #begin(page: number, attributes: LeafAttributes, physical: number): void {
    this.#flush();
    this.#first = page;
    this.#attributes = attributes;
    this.#physicalFirst = physical;
    this.#physicalNext = physical;
    this.#pieceFirst = physical;
    this.#breaksBefore = this.#breaks;
    this.#accessed = 0;
    this.#dirty = 0;
    for (let level = 0; level < this.#leaves.length; level += 1) this.#leaves[level] = 0;
    this.#low = NOWHERE;
    this.#end = 0;
    this.#classes = 0;
    // What was passed before the open tables were entered belongs to the range that has ended.
    for (; this.#settled < this.#entered.length; this.#settled += 1) {
      const entered = this.#entered[this.#settled] as Entered;
      entered.low = NOWHERE;
      entered.end = 0;
      entered.classes = 0;
    }
  }

  #flush(): void {
    if (this.#next === -1 || this.isFull) return;
    this.#notePiece();
    for (let at = this.#settled; at < this.#entered.length; at += 1) this.#add(this.#entered[at] as Entered);
    const range = this.#maker.make({
      firstPage: this.#first,
      endPage: this.#next,
      attributes: this.#attributes,
      leaves: this.#leaves,
      accessed: this.#accessed,
      dirty: this.#dirty,
      physicalFirst: this.#physicalFirst,
      physicalPieces: this.#breaks - this.#breaksBefore + 1,
      physicalLow: this.#low,
      physicalEnd: this.#end,
      classes: this.#classes,
    });
    const more = this.#emit(range);
    this.#next = -1;
    if (more === false) this.isFull = true;
  }
}

/**
 * Enumerates an address space as ranges of pages with the same rights. Large pages that lie across an end of the range are in it
 * as a whole.
 *
 * @param emit - takes each range, in ascending order of page numbers (the lower half first); false ends the enumeration, and what
 * comes after the range is found by another call from there
 * @public
 */
export function enumerateRanges(
  context: PagingContext,
  pageOf: PageSource,
  emit: (range: MappedRange) => boolean | undefined,
  options: RangeOptions = {},
): EnumerateResult {
  const merger = new RangeMerger(context, emit, options);
  const result = enumeratePieces(context, pageOf, merger, options);
  merger.finish();
  return result;
}
