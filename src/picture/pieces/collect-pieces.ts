import type { NestedContext, PageSource, PagingContext } from '../../paging/index.ts';
import {
  busPage,
  ENTRY_A,
  ENTRY_D,
  encodeAttributes,
  enumeratePieces,
  enumerateRanges,
  type LeafAttributes,
  type Level,
  leafPageOf,
  linearPageOf,
  type MappedRange,
  type PageSize,
  type PieceSink,
  pagesInOnePiece,
  upperHalfPage,
} from '../../paging/internal.ts';
import { LAYOUT, type Pieces } from './pieces.ts';
import { type Piece, PiecesBuilder } from './pieces-builder.ts';

/** Tables to make pieces of. @internal */
export interface PieceSource {
  readonly context: PagingContext;
  readonly nested: NestedContext | null;
  readonly pageOf: PageSource;
}

/** Linear pages, and how many pieces are taken at most. @internal */
export interface PieceLimits {
  readonly firstPage?: number;
  readonly lastPage?: number;
  readonly most: number;
}

/** Leaves that are looked at one by one: what is shared a million times is not gone through a million times. */
const MOST_LEAVES = 67_108_864;

/**
 * The pieces of an address space, with as much of each page as there is room for: with every page's A and D; else with every page's
 * place; else as ranges with the same rights.
 *
 * @internal
 */
export function collectPieces(source: PieceSource, limits: PieceLimits): Pieces {
  for (const detail of ['pages', 'places'] as const) {
    const collector = new PieceCollector(source.context, detail === 'pages', limits.most);
    const { complete } = enumeratePieces(source.context, source.pageOf, collector, { ...source, ...partOf(limits) });
    const pieces = collector.finish(detail, complete);
    if (!collector.isFull) return pieces;
  }
  return collectRanges(source, limits);
}

function partOf({ firstPage, lastPage }: PieceLimits): { readonly firstPage?: number; readonly lastPage?: number } {
  return { ...(firstPage === undefined ? {} : { firstPage }), ...(lastPage === undefined ? {} : { lastPage }) };
}

function collectRanges({ context, nested, pageOf }: PieceSource, limits: PieceLimits): Pieces {
  const builder = new PiecesBuilder();
  const take = (range: MappedRange): boolean => {
    builder.add(pieceOfRange(range, context));
    return builder.length < limits.most;
  };
  const { complete } = enumerateRanges(context, pageOf, take, { ...partOf(limits), nested });
  return builder.build('ranges', complete);
}

/** @internal */
export function pieceOfRange(range: MappedRange, context: Pick<PagingContext, 'linearBits'>): Piece {
  const [size, another] = Object.keys(range.leaves);
  const { rights, protectionKey, global, contiguous } = range;
  return {
    first: linearPageOf(context as PagingContext, range.first),
    // Where paging is off, ranges are regions, which may be smaller than a page.
    pages: Number((range.last >> 12n) - (range.first >> 12n)) + 1,
    physical: Number(range.physicalFirst >> 12n),
    layout: contiguous ? LAYOUT.inOnePiece : LAYOUT.scattered,
    attributes: attributesOf({ rights, protectionKey, global }),
    shift: size === undefined || another !== undefined ? 0 : Math.log2(Number(size)),
    leaves: range.leafCount,
    accessed: range.accessed,
    dirty: range.dirty,
    classes: range.classes,
  };
}

/** The counterpart of `decodeAttributes`. @internal */
export function attributesOf({
  rights,
  protectionKey,
  global,
}: Pick<MappedRange, 'rights' | 'protectionKey' | 'global'>): LeafAttributes {
  return (
    (rights.write ? 1 << 1 : 0) |
    (rights.user ? 1 << 2 : 0) |
    (global ? 1 << 8 : 0) |
    (rights.exec ? 0 : 1 << 9) |
    (rights.read === false ? 1 << 10 : 0) |
    ((protectionKey ?? 0) << 12)
  );
}

/** What a table comes to where all of it is one piece, as large as the table; `null` in it where nothing is mapped. */
interface TableResult {
  readonly piece: Piece | null;
}

const NOTHING: TableResult = { piece: null };

class PieceCollector implements PieceSink<TableResult> {
  readonly #context: PagingContext;
  readonly #splitsUse: boolean;
  readonly #most: number;
  readonly #builder = new PiecesBuilder();
  readonly #upperHalf: number;
  readonly #takenBefore: number[] = [];
  #open: Piece | null = null;
  #taken = 0;
  isFull = false;

  constructor(context: PagingContext, splitsUse: boolean, most: number) {
    this.#context = context;
    this.#splitsUse = splitsUse;
    this.#most = most;
    this.#upperHalf = upperHalfPage(context);
  }

  leaf(page: number, level: Level, low: number, high: number, rights: number, executeDisabled: number): void {
    const { policy, a20Masked } = this.#context;
    const attributes = encodeAttributes(policy.protectionKeys, low, high, rights, executeDisabled);
    const pages = 2 ** (level.shift - 12);
    const inPiece = pagesInOnePiece(a20Masked, pages);
    const physical = leafPageOf(level, low, high);
    for (let from = 0; from < pages; from += inPiece) {
      this.#take(page + from, inPiece, level.shift, busPage(a20Masked, physical + from), attributes, low);
    }
  }

  piece(page: number, { shift }: PageSize, physical: number, attributes: LeafAttributes, low: number): void {
    this.#take(page, 2 ** (shift - 12), shift, physical, attributes, low);
  }

  enterTable(): void {
    this.#takenBefore.push(this.#taken);
  }

  leaveTable(page: number, pages: number): TableResult | null {
    if (this.#takenBefore.pop() === this.#taken) return NOTHING;
    const open = this.#open;
    if (open === null || open.first > page || open.first + open.pages !== page + pages) return null;
    const isUniform = (count: number): boolean => count === 0 || count === open.leaves;
    if (!isUniform(open.accessed) || !isUniform(open.dirty)) return null;
    const share = pages / open.pages;
    const before = open.layout === LAYOUT.repeated ? 0 : page - open.first;
    return {
      piece: {
        ...open,
        first: page,
        pages,
        physical: open.physical + before,
        leaves: open.leaves * share,
        accessed: open.accessed * share,
        dirty: open.dirty * share,
      },
    };
  }

  applySummary(page: number, { piece }: TableResult): void {
    if (piece === null) return;
    this.#taken += 1;
    this.#add({ ...piece, first: page });
  }

  finish(detail: 'pages' | 'places', complete: boolean): Pieces {
    if (this.#open !== null && this.#builder.length < this.#most) this.#builder.add(this.#open);
    return this.#builder.build(detail, complete);
  }

  #take(page: number, pages: number, shift: number, physical: number, attributes: LeafAttributes, low: number): void {
    this.#taken += 1;
    if (this.#taken > MOST_LEAVES) this.isFull = true;
    const open = this.#open;
    const accessed = (low & ENTRY_A) >> 5;
    const dirty = (low & ENTRY_D) >> 6;
    // The way of most pages: the next one of the piece.
    if (
      open !== null &&
      page === open.first + open.pages &&
      attributes === open.attributes &&
      shift === open.shift &&
      physical === open.physical + open.pages &&
      open.layout === LAYOUT.inOnePiece &&
      (!this.#splitsUse || isSameUse(open, accessed, dirty)) &&
      page !== this.#upperHalf
    ) {
      open.pages += pages;
      open.leaves += 1;
      open.accessed += accessed;
      open.dirty += dirty;
      return;
    }
    const layout = LAYOUT.inOnePiece;
    this.#add({ first: page, pages, physical, layout, attributes, shift, leaves: 1, accessed, dirty, classes: 0 });
  }

  #add(piece: Piece): void {
    const open = this.#open;
    const joined = open !== null && this.#isAlike(open, piece) ? joinedLayout(open, piece) : -1;
    if (open === null || joined < 0) {
      this.#open = piece;
      if (open === null) return;
      this.#builder.add(open);
      if (this.#builder.length >= this.#most) this.isFull = true;
      return;
    }
    open.layout = joined;
    open.pages += piece.pages;
    open.leaves += piece.leaves;
    open.accessed += piece.accessed;
    open.dirty += piece.dirty;
  }

  #isAlike(open: Piece, piece: Piece): boolean {
    return (
      piece.first === open.first + open.pages &&
      piece.first !== this.#upperHalf &&
      piece.attributes === open.attributes &&
      piece.shift === open.shift &&
      (!this.#splitsUse ||
        (open.accessed / open.leaves === piece.accessed / piece.leaves &&
          open.dirty / open.leaves === piece.dirty / piece.leaves))
    );
  }
}

function isSameUse(open: Piece, accessed: number, dirty: number): boolean {
  return open.accessed === accessed * open.leaves && open.dirty === dirty * open.leaves;
}

/** How both lie as one; -1 where they lie in no simple way. */
function joinedLayout(open: Piece, piece: Piece): number {
  const mayBe = (one: Piece, layout: number): boolean => one.leaves === 1 || one.layout === layout;
  // With A20 masked each megabyte of a large page is a piece.
  const isOnePage = ({ pages, leaves, shift }: Piece): boolean => pages === leaves * 2 ** (shift - 12);
  if (piece.physical === open.physical + open.pages && [open, piece].every((one) => mayBe(one, LAYOUT.inOnePiece))) {
    return LAYOUT.inOnePiece;
  }
  const isSame =
    piece.physical === open.physical && [open, piece].every((one) => isOnePage(one) && mayBe(one, LAYOUT.repeated));
  return isSame ? LAYOUT.repeated : -1;
}
