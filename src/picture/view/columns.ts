import { lowerBound } from '../pieces/lower-bound.ts';
import { endOf, type Pieces, pieceFrom } from '../pieces/pieces.ts';
import type { Axis } from './axis.ts';

/** What each column of points of a picture shows: pieces from one to before another; none where nothing is mapped. @internal */
export interface Columns {
  readonly from: Int32Array;
  readonly to: Int32Array;
}

/** A part of an axis that is stretched over so many columns. @internal */
export interface Window {
  readonly from: number;
  readonly to: number;
  readonly columns: number;
}

/** Finds the pieces of each column. Its work grows with the columns, and hardly with the pieces. @internal */
export function findColumns(pieces: Pieces, axis: Axis, { from, to, columns }: Window): Columns {
  const found = { from: new Int32Array(columns), to: new Int32Array(columns) };
  const step = (to - from) / columns;
  let at = pieceFrom(pieces, axis.pageOf(from));
  for (let column = 0; column < columns; column += 1) {
    const next = axis.pageOf(from + step * (column + 1));
    found.from[column] = at;
    let end = pieceFrom(pieces, next);
    const after = end;
    // The piece that the next column begins in may begin in this one.
    if (end < pieces.length && (pieces.first[end] as number) < next) end += 1;
    found.to[column] = end;
    at = after;
  }
  return found;
}

/** So many pieces of a column are looked at: what most of it is, is found by fewer than all. */
const MOST_SAMPLES = 48;
/** Of a column in which nothing is mapped. @internal */
export const NOTHING = 255;

/**
 * The class that each column shows: an alarming one if there is any, else what most of its pages have.
 *
 * @param alarming - pieces of alarming classes, in ascending order
 * @internal
 */
export function classesOfColumns(
  pieces: Pieces,
  of: Uint8Array,
  alarming: Int32Array,
  { from, to }: Columns,
): Uint8Array {
  const shown = new Uint8Array(from.length).fill(NOTHING);
  const pages = new Float64Array(256);
  for (let column = 0; column < from.length; column += 1) {
    const first = from[column] as number;
    const end = to[column] as number;
    if (end <= first) continue;
    if (end === first + 1) {
      shown[column] = of[first] as number;
      continue;
    }
    const alarm = firstFrom(alarming, first);
    if (alarm < end) {
      shown[column] = of[alarm] as number;
      continue;
    }
    const step = Math.max(1, Math.floor((end - first) / MOST_SAMPLES));
    let best = NOTHING;
    for (let at = first; at < end; at += step) {
      const each = of[at] as number;
      pages[each] = (pages[each] as number) + (pieces.pages[at] as number);
      if (best === NOTHING || (pages[each] as number) > (pages[best] as number)) best = each;
    }
    for (let at = first; at < end; at += step) pages[of[at] as number] = 0;
    shown[column] = best;
  }
  return shown;
}

function firstFrom(sorted: Int32Array, wanted: number): number {
  const found = lowerBound(sorted.length, (at) => (sorted[at] as number) < wanted);
  return sorted[found] ?? Number.POSITIVE_INFINITY;
}

/** Pieces of classes that must not be missed. @internal */
export function alarmingPieces(of: Uint8Array, classes: readonly { readonly isAlarming?: boolean }[]): Int32Array {
  const found: number[] = [];
  for (let at = 0; at < of.length; at += 1) if (classes[of[at] as number]?.isAlarming) found.push(at);
  return Int32Array.from(found);
}

/** How much is mapped within pages. @internal */
export function leavesWithin(pieces: Pieces, firstPage: number, endPage: number, enough: number): number {
  let leaves = 0;
  for (let at = pieceFrom(pieces, firstPage); at < pieces.length && leaves <= enough; at += 1) {
    const first = pieces.first[at] as number;
    if (first >= endPage) break;
    const pages = pieces.pages[at] as number;
    const inside = Math.min(endPage, endOf(pieces, at)) - Math.max(firstPage, first);
    leaves += ((pieces.leaves[at] as number) * inside) / pages;
  }
  return leaves;
}
