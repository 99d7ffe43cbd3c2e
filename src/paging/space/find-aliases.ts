import { asAnswer } from '../as-answer.ts';
import { busPage, pagesInOnePiece } from '../enumerate/bus-page.ts';
import type { EnumerateResult, PageSource } from '../enumerate/enumerate.ts';
import { enumeratePieces, type StagedOptions } from '../enumerate/enumerate-pieces.ts';
import {
  decodeAttributes,
  encodeAttributes,
  type LeafAttributes,
  type PageAttributes,
} from '../enumerate/leaf-attributes.ts';
import { canonicalAddress, upperHalfPage } from '../enumerate/linear-page.ts';
import type { PageSize, PieceSink } from '../enumerate/piece-sink.ts';
import { ENTRY_A, ENTRY_D } from '../rules/architecture.ts';
import type { PagingContext } from '../rules/context.ts';
import { leafPageOf } from '../rules/entry-kind.ts';
import type { Level } from '../rules/levels.ts';
import { HitSink } from './hit-sink.ts';

/** Linear addresses that lead to consecutive physical ones, through pages of one size with the same rights. @public */
export interface Alias extends PageAttributes {
  /** First and last linear address, to the byte. */
  readonly first: bigint;
  readonly last: bigint;
  /** Where `first` leads. */
  readonly physicalFirst: bigint;
  /** Null where paging is off. */
  readonly pageSizeBytes: number | null;
  /** How many leaves there are, and how many of them have A, and D, set. */
  readonly leaves: number;
  readonly accessed: number;
  readonly dirty: number;
}

/** Physical addresses to look for, `last` inclusive. @public */
export interface PhysicalRange {
  readonly first: bigint;
  readonly last: bigint;
}

type Emit = (alias: Alias) => boolean | undefined;

/** An alias that grows, in pages. */
interface Growing {
  readonly firstPage: number;
  readonly physicalPage: number;
  readonly attributes: LeafAttributes;
  readonly shift: number;
  pages: number;
  leaves: number;
  accessed: number;
  dirty: number;
}

class AliasFinder extends HitSink implements PieceSink<true> {
  readonly #context: PagingContext;
  readonly #range: PhysicalRange;
  readonly #emit: Emit;
  readonly #wantedFirst: number;
  readonly #wantedLast: number;
  readonly #upperHalf: number;
  #growing: Growing | undefined;
  isFull = false;

  constructor(context: PagingContext, range: PhysicalRange, emit: Emit) {
    super();
    this.#context = context;
    this.#range = range;
    this.#emit = emit;
    this.#wantedFirst = Number(range.first >> 12n);
    this.#wantedLast = Number(range.last >> 12n);
    this.#upperHalf = upperHalfPage(context);
  }

  leaf(page: number, level: Level, low: number, high: number, rights: number, executeDisabled: number): void {
    const { policy, a20Masked } = this.#context;
    const pages = 1 << (level.shift - 12);
    const physical = leafPageOf(level, low, high);
    const piece = pagesInOnePiece(a20Masked, pages);
    for (let from = 0; from < pages; from += piece) {
      const start = busPage(a20Masked, physical + from);
      if (start > this.#wantedLast || start + piece <= this.#wantedFirst) continue;
      const attributes = encodeAttributes(policy.protectionKeys, low, high, rights, executeDisabled);
      this.#pass(page + from, piece, start, { attributes, shift: level.shift }, low);
    }
  }

  piece(page: number, { shift }: PageSize, physical: number, attributes: LeafAttributes, low: number): void {
    this.#pass(page, 1 << (shift - 12), physical, { attributes, shift }, low);
  }

  #pass(page: number, pages: number, start: number, kind: Pick<Growing, 'attributes' | 'shift'>, low: number): void {
    const first = Math.max(start, this.#wantedFirst);
    const last = Math.min(start + pages - 1, this.#wantedLast);
    if (first > last) return;
    this.#hit(page + first - start, first, last - first + 1, kind);
    this.#count(low);
  }

  finish(): void {
    this.#flush();
  }

  #hit(page: number, physical: number, pages: number, kind: Pick<Growing, 'attributes' | 'shift'>): void {
    this.hits += 1;
    const growing = this.#growing;
    if (growing !== undefined && this.#continues(growing, page, physical, kind)) {
      growing.pages += pages;
      return;
    }
    this.#flush();
    const { attributes, shift } = kind;
    this.#growing = {
      firstPage: page,
      physicalPage: physical,
      attributes,
      shift,
      pages,
      leaves: 0,
      accessed: 0,
      dirty: 0,
    };
  }

  #continues(growing: Growing, page: number, physical: number, kind: Pick<Growing, 'attributes' | 'shift'>): boolean {
    return (
      page === growing.firstPage + growing.pages &&
      physical === growing.physicalPage + growing.pages &&
      page !== this.#upperHalf &&
      kind.attributes === growing.attributes &&
      kind.shift === growing.shift
    );
  }

  #count(low: number): void {
    const growing = this.#growing as Growing;
    growing.leaves += 1;
    growing.accessed += (low & ENTRY_A) >> 5;
    growing.dirty += (low & ENTRY_D) >> 6;
  }

  #flush(): void {
    const growing = this.#growing;
    if (growing === undefined || this.isFull) return;
    const { firstPage, physicalPage, pages, shift, leaves, accessed, dirty } = growing;
    const start = BigInt(physicalPage) << 12n;
    const end = BigInt(physicalPage + pages) << 12n;
    const skipped = this.#range.first > start ? this.#range.first - start : 0n;
    const cut = this.#range.last < end - 1n ? end - 1n - this.#range.last : 0n;
    const more = this.#emit(
      asAnswer({
        first: canonicalAddress(this.#context, firstPage) + skipped,
        last: (canonicalAddress(this.#context, firstPage + pages - 1) | 0xfffn) - cut,
        physicalFirst: start + skipped,
        pageSizeBytes: 2 ** shift,
        ...decodeAttributes(this.#context, growing.attributes),
        leaves,
        accessed,
        dirty,
      }),
    );
    if (more === false) this.isFull = true;
    this.#growing = undefined;
  }
}

/**
 * Finds every linear address that leads to physical ones. A table below which there is no hit is gone through once, however
 * often it is shared.
 *
 * @param emit - takes each alias, in ascending order of page numbers (the lower half first); false ends the search
 * @public
 */
export function findAliases(
  context: PagingContext,
  pageOf: PageSource,
  range: PhysicalRange,
  emit: (alias: Alias) => boolean | undefined,
  options: StagedOptions = {},
): EnumerateResult {
  const finder = new AliasFinder(context, range, emit);
  const result = enumeratePieces(context, pageOf, finder, options);
  finder.finish();
  return result;
}
