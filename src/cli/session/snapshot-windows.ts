import type { LinearRange, TableSnapshot } from '../../guest/index.ts';
import type { EnumerateResult, MappedLeaf, MappedRange } from '../../paging/index.ts';

/** How many ranges are held at once of a list that may be long: going on after them goes into shared tables once more. */
const RANGES_AT_ONCE = 4096;
/** Pages are many, and what is held for long is no garbage that the engine finds soon. */
const PAGES_AT_ONCE = 256;
const LAST = 0xffff_ffff_ffff_ffffn;

type Enumerate<T> = (emit: (item: T) => boolean, range: LinearRange) => EnumerateResult;

/**
 * The ranges of a snapshot, many at once: what is enumerated cannot wait, and who takes it may have to.
 *
 * @returns whether the enumeration came to its end
 * @internal
 */
export function rangeWindows(snapshot: TableSnapshot, range: LinearRange): Generator<readonly MappedRange[], boolean> {
  return windows<MappedRange>(
    (emit, part) => snapshot.ranges(emit, part),
    ({ last }) => last,
    range,
    RANGES_AT_ONCE,
  );
}

/** Page by page, likewise. @internal */
export function leafWindows(snapshot: TableSnapshot, range: LinearRange): Generator<readonly MappedLeaf[], boolean> {
  const lastOf = ({ address, sizeBytes }: MappedLeaf): bigint => address + BigInt(sizeBytes) - 1n;
  return windows<MappedLeaf>((emit, part) => snapshot.leaves(emit, part), lastOf, range, PAGES_AT_ONCE);
}

function* windows<T>(
  enumerate: Enumerate<T>,
  lastOf: (item: T) => bigint,
  range: LinearRange,
  count: number,
): Generator<readonly T[], boolean> {
  const { last = LAST } = range;
  for (let first = range.first ?? 0n; first <= last; ) {
    const items: T[] = [];
    const { complete } = enumerate((item) => items.push(item) < count, { first, last });
    const end = items.at(-1);
    if (end !== undefined) yield items;
    if (items.length < count || end === undefined) return complete;
    first = lastOf(end) + 1n;
  }
  return true;
}
