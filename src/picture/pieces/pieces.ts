import { lowerBound } from './lower-bound.ts';

/** How the pages of a piece lie in physical memory. @internal */
export const LAYOUT = {
  /** One after the other. */
  inOnePiece: 0,
  /** All of them are the same page. */
  repeated: 1,
  /** In several pieces: where each lies is not known here. */
  scattered: 2,
} as const;

/** Pieces know of each page where it leads and whether it was used; or that of pieces as a whole; or of ranges only counts. @internal */
export type Detail = 'pages' | 'places' | 'ranges';

/**
 * Consecutive linear pages that are alike, in columns: there can be a million of them, and each frame of a picture looks at some
 * thousand. Page numbers are without sign extension.
 *
 * @internal
 */
export interface Pieces {
  readonly length: number;
  readonly detail: Detail;
  /** False where there is more than was taken. */
  readonly complete: boolean;
  readonly first: Float64Array;
  readonly pages: Float64Array;
  /** Where the first page leads: a page number. */
  readonly physical: Float64Array;
  readonly layout: Uint8Array;
  /** `LeafAttributes`: rights, key and global. */
  readonly attributes: Uint16Array;
  /** The size of its pages as a power of two; 0 where there are several. */
  readonly shift: Uint8Array;
  readonly leaves: Float64Array;
  /** How many of the leaves have A, and D, set. */
  readonly accessed: Float64Array;
  readonly dirty: Float64Array;
  /** Where kept: bits of what lies there, as `classNames` of the heading has them; else 0. */
  readonly classes: Int32Array;
}

/** What their columns take. @internal */
export function piecesBytes(pieces: Pieces): number {
  return Object.values(pieces).reduce((sum, column) => sum + (ArrayBuffer.isView(column) ? column.byteLength : 0), 0);
}

/** @internal */
export function endOf({ first, pages }: Pieces, at: number): number {
  return (first[at] as number) + (pages[at] as number);
}

/** The first piece that does not end before a page; `length` where all do. @internal */
export function pieceFrom(pieces: Pieces, page: number): number {
  return lowerBound(pieces.length, (at) => endOf(pieces, at) <= page);
}

/** The piece that a page lies in; -1 where nothing is mapped. @internal */
export function pieceAt(pieces: Pieces, page: number): number {
  const at = pieceFrom(pieces, page);
  return at < pieces.length && (pieces.first[at] as number) <= page ? at : -1;
}

/** Where a page of a piece leads; -1 where that is not known. @internal */
export function physicalPageOf(pieces: Pieces, at: number, page: number): number {
  const start = pieces.physical[at] as number;
  if (pieces.layout[at] === LAYOUT.scattered) return page === pieces.first[at] ? start : -1;
  const offset = page - (pieces.first[at] as number);
  if (pieces.layout[at] === LAYOUT.inOnePiece) return start + offset;
  const leafPages = 2 ** ((pieces.shift[at] as number) - 12);
  return start + (offset % leafPages);
}
