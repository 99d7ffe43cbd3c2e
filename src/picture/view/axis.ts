import { lowerBound } from '../pieces/lower-bound.ts';
import { endOf, type Pieces } from '../pieces/pieces.ts';

/** Pages from one to before another. @internal */
export interface Span {
  readonly first: number;
  readonly end: number;
}

/** A part of an axis: pages that lie close together, or the hole after them. @internal */
export interface AxisPart extends Span {
  /** Where it is on the axis, in units of it. */
  readonly from: number;
  readonly to: number;
  readonly isHole: boolean;
}

/** Holes of so many pages are folded: 64 MB. Smaller ones are shown as large as they are. */
const FOLDED_PAGES = 16_384;
/** How wide areas are by how large they are: 16 million pages are 60 times as wide as one. */
const AREA_POWER = 0.25;
const LEAST_AREA = 1;
const HOLE = 0.6;

/**
 * Where pages are in a picture. Folded, each area is as wide as the root of the root of its size, and each hole between two of them
 * equally narrow: 2^57 bytes with a few pages at either end are seen at once. Within an area everything is to scale.
 *
 * @internal
 */
export class Axis {
  readonly parts: readonly AxisPart[];
  readonly length: number;

  private constructor(parts: readonly AxisPart[]) {
    this.parts = parts;
    this.length = parts.at(-1)?.to ?? 1;
  }

  /**
   * @param spans - in ascending order
   * @param whole - everything that there could be
   */
  static folded(spans: Iterable<Span>, whole: Span, mustSplitAt = -1): Axis {
    const parts: AxisPart[] = [];
    let from = 0;
    let reached = whole.first;
    const put = (first: number, end: number, isHole: boolean): void => {
      if (end <= first) return;
      const width = isHole ? HOLE : Math.max(LEAST_AREA, (end - first) ** AREA_POWER);
      parts.push({ first, end, from, to: from + width, isHole });
      from += width;
    };
    for (const area of areasOf(spans, mustSplitAt)) {
      put(reached, area.first, true);
      put(area.first, area.end, false);
      reached = area.end;
    }
    put(reached, whole.end, true);
    return new Axis(parts);
  }

  static linear(whole: Span): Axis {
    return new Axis([{ ...whole, from: 0, to: whole.end - whole.first, isHole: false }]);
  }

  partAt(place: number): AxisPart | undefined {
    return this.parts[this.indexAt(place)];
  }

  /** The number of the part at a place. */
  indexAt(place: number): number {
    return this.#search(({ to }) => to <= place);
  }

  /** So much of the axis is the smallest page of all. */
  get smallestPage(): number {
    let smallest = this.length;
    for (const { from, to, first, end, isHole } of this.parts) {
      if (!isHole) smallest = Math.min(smallest, (to - from) / (end - first));
    }
    return smallest;
  }

  /** Where a page begins on the axis. */
  placeOf(page: number): number {
    const part = this.parts[this.#search(({ end }) => end <= page)];
    if (part === undefined) return this.length;
    if (page <= part.first) return part.from;
    return part.from + ((page - part.first) / (part.end - part.first)) * (part.to - part.from);
  }

  /** The page at a place, with the part of it as a fraction. */
  pageOf(place: number): number {
    const part = this.partAt(place);
    if (part === undefined) return this.parts.at(-1)?.end ?? 0;
    const share = Math.max(0, place - part.from) / (part.to - part.from);
    return part.first + share * (part.end - part.first);
  }

  #search(isBefore: (part: AxisPart) => boolean): number {
    return lowerBound(this.parts.length, (at) => isBefore(this.parts[at] as AxisPart));
  }
}

function* areasOf(spans: Iterable<Span>, mustSplitAt: number): Generator<Span> {
  let open: { first: number; end: number } | undefined;
  for (const { first, end } of spans) {
    if (open !== undefined && first - open.end < FOLDED_PAGES && first !== mustSplitAt) {
      open.end = Math.max(open.end, end);
      continue;
    }
    if (open !== undefined) yield open;
    open = { first, end };
  }
  if (open !== undefined) yield open;
}

/** The linear pages of pieces. @internal */
export function* spansOf(pieces: Pieces): Generator<Span> {
  for (let at = 0; at < pieces.length; at += 1) yield { first: pieces.first[at] as number, end: endOf(pieces, at) };
}
