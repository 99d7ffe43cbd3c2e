import type { PageAttributes } from '../../paging/index.ts';
import { sameRights } from '../words/same-rights.ts';

/** Pages of a map that are alike: a page of whatever size, or a range. @public */
export interface MapSegment extends PageAttributes {
  /** Linear addresses, `last` inclusive. */
  readonly first: bigint;
  readonly last: bigint;
  /** Null for a range, which has pages of several sizes. */
  readonly pageSizeBytes: number | null;
  /** Where `first` leads, and all that follows if the segment is in one piece; null where it is not. */
  readonly physicalFirst: bigint | null;
  /** Of a page 0 or 1, of a range how many of its pages. */
  readonly accessed: number;
  readonly dirty: number;
}

/** What is otherwise than it was. @public */
export type MapDifference =
  | 'appeared'
  | 'vanished'
  | 'rights'
  | 'key'
  | 'global'
  | 'size'
  | 'moved'
  | 'accessed'
  | 'dirty';

/** Consecutive linear addresses to which the same happened. @public */
export interface MapChange {
  readonly first: bigint;
  readonly last: bigint;
  readonly differences: readonly MapDifference[];
  /** What was there at `first`, and is; null where nothing was or is. */
  readonly before: MapSegment | null;
  readonly after: MapSegment | null;
  /** How many pages, or pieces of ranges, it happened to. */
  readonly pieces: number;
}

type Segments = AsyncIterable<MapSegment> | Iterable<MapSegment>;

/**
 * Compares two maps, each in ascending order of addresses, and holds no more of them than a segment each.
 *
 * Of single pages everything is compared. Of ranges A and D are compared where both maps have the same range, and where they lead
 * if it is in one piece: how many pages of a range were accessed says nothing about a part of it.
 *
 * @public
 */
export async function* diffMaps(
  before: AsyncIterable<MapSegment> | Iterable<MapSegment>,
  after: AsyncIterable<MapSegment> | Iterable<MapSegment>,
): AsyncGenerator<MapChange> {
  let open: MapChange | undefined;
  for await (const change of comparePieces(before, after)) {
    const joined = open && join(open, change);
    if (open !== undefined && joined === undefined) yield open;
    open = joined ?? change;
  }
  if (open !== undefined) yield open;
}

async function* comparePieces(before: Segments, after: Segments): AsyncGenerator<MapChange> {
  const left = new Cursor(before);
  const right = new Cursor(after);
  await left.advance();
  await right.advance();
  for (;;) {
    const first = lowest(left.next?.first, right.next?.first);
    if (first === undefined) return;
    const one = left.next !== undefined && left.next.first <= first ? left.next : null;
    const other = right.next !== undefined && right.next.first <= first ? right.next : null;
    const last =
      lowest(one?.last, other?.last, beforeThat(left.next?.first, first), beforeThat(right.next?.first, first)) ??
      first;
    const change = compare(first, last, one, other, left.isWhole(last) && right.isWhole(last));
    if (change !== undefined) yield change;
    await left.pass(last);
    await right.pass(last);
  }
}

/** What starts later ends a piece. */
function beforeThat(start: bigint | undefined, first: bigint): bigint | undefined {
  return start !== undefined && start > first ? start - 1n : undefined;
}

function lowest(...values: readonly (bigint | undefined)[]): bigint | undefined {
  return values.reduce(
    (low, value) => (low === undefined || (value !== undefined && value < low) ? value : low),
    undefined,
  );
}

/** Goes through segments, and cuts off what was passed of the first. */
class Cursor {
  readonly #segments: AsyncIterator<MapSegment> | Iterator<MapSegment>;
  next: MapSegment | undefined;
  #isCut = false;

  constructor(segments: Segments) {
    this.#segments = Symbol.asyncIterator in segments ? segments[Symbol.asyncIterator]() : segments[Symbol.iterator]();
  }

  async advance(): Promise<void> {
    const { value, done } = await this.#segments.next();
    this.next = done ? undefined : value;
    this.#isCut = false;
  }

  /** Whether the piece up to `last` is all of the segment. */
  isWhole(last: bigint): boolean {
    return this.next !== undefined && !this.#isCut && this.next.last === last;
  }

  async pass(last: bigint): Promise<void> {
    const { next } = this;
    if (next === undefined || next.first > last) return;
    if (next.last <= last) {
      await this.advance();
      return;
    }
    this.next = startAt(next, last + 1n);
    this.#isCut = true;
  }
}

function startAt(segment: MapSegment, first: bigint): MapSegment {
  const { physicalFirst } = segment;
  return { ...segment, first, physicalFirst: physicalFirst === null ? null : physicalFirst + first - segment.first };
}

function compare(
  first: bigint,
  last: bigint,
  before: MapSegment | null,
  after: MapSegment | null,
  isSameSegment: boolean,
): MapChange | undefined {
  const differences = differencesOf(before, after, isSameSegment);
  return differences.length === 0 ? undefined : { first, last, differences, before, after, pieces: 1 };
}

function differencesOf(
  before: MapSegment | null,
  after: MapSegment | null,
  isSameSegment: boolean,
): readonly MapDifference[] {
  if (before === null) return after === null ? [] : ['appeared'];
  if (after === null) return ['vanished'];
  const isPage = before.pageSizeBytes !== null;
  // A page that was split has bits of its own in each part.
  const comparesUse = isPage || isSameSegment;
  const differs: Readonly<Record<Exclude<MapDifference, 'appeared' | 'vanished'>, boolean>> = {
    rights: !sameRights(before.rights, after.rights),
    key: before.protectionKey !== after.protectionKey,
    global: before.global !== after.global,
    size: before.pageSizeBytes !== after.pageSizeBytes,
    moved: isMoved(before, after, isSameSegment),
    accessed: comparesUse && before.accessed !== after.accessed,
    dirty: comparesUse && before.dirty !== after.dirty,
  };
  return (Object.keys(differs) as (keyof typeof differs)[]).filter((name) => differs[name]);
}

/** Scattered ranges are known by where they begin alone. */
function isMoved(before: MapSegment, after: MapSegment, isSameSegment: boolean): boolean {
  if (before.physicalFirst === null || after.physicalFirst === null) {
    return isSameSegment && before.physicalFirst !== after.physicalFirst;
  }
  return before.physicalFirst !== after.physicalFirst;
}

/** Two changes are one where they follow each other, and one continues the other in all respects. */
function join(one: MapChange, other: MapChange): MapChange | undefined {
  const isSame =
    one.last + 1n === other.first &&
    one.differences.join() === other.differences.join() &&
    continues(one.before, other.before, other.first - one.first) &&
    continues(one.after, other.after, other.first - one.first);
  return isSame ? { ...one, last: other.last, pieces: one.pieces + other.pieces } : undefined;
}

function continues(segment: MapSegment | null, next: MapSegment | null, distance: bigint): boolean {
  if (segment === null || next === null) return segment === next;
  const { protectionKey, global, pageSizeBytes, accessed, dirty, physicalFirst } = segment;
  return (
    pageSizeBytes !== null &&
    pageSizeBytes === next.pageSizeBytes &&
    sameRights(segment.rights, next.rights) &&
    protectionKey === next.protectionKey &&
    global === next.global &&
    accessed === next.accessed &&
    dirty === next.dirty &&
    (physicalFirst === null ? null : physicalFirst + distance) === next.physicalFirst
  );
}
