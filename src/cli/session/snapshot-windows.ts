import type { LinearRange, TableSnapshot } from '../../guest/index.ts';
import type { EnumerateResult, MappedLeaf, MappedRange } from '../../paging/index.ts';

/** How much is held at once of something that may be long. */
const WINDOW = 4096;
const LAST = 0xffff_ffff_ffff_ffffn;

type Enumerate<T> = (emit: (item: T) => boolean, range: LinearRange) => EnumerateResult;

/**
 * The ranges of a snapshot, some thousands at once: what is enumerated cannot wait, and who takes it may have to.
 *
 * @returns whether the enumeration came to its end
 * @internal
 */
export function rangeWindows(snapshot: TableSnapshot, range: LinearRange): Generator<readonly MappedRange[], boolean> {
  return windows<MappedRange>(
    (emit, part) => snapshot.ranges(emit, part),
    ({ last }) => last,
    range,
  );
}

/** Page by page, likewise. @internal */
export function leafWindows(snapshot: TableSnapshot, range: LinearRange): Generator<readonly MappedLeaf[], boolean> {
  const lastOf = ({ address, sizeBytes }: MappedLeaf): bigint => address + BigInt(sizeBytes) - 1n;
  return windows<MappedLeaf>((emit, part) => snapshot.leaves(emit, part), lastOf, range);
}

function* windows<T>(
  enumerate: Enumerate<T>,
  lastOf: (item: T) => bigint,
  range: LinearRange,
): Generator<readonly T[], boolean> {
  const { last = LAST } = range;
  for (let first = range.first ?? 0n; first <= last; ) {
    const items: T[] = [];
    const { complete } = enumerate((item) => items.push(item) < WINDOW, { first, last });
    const end = items.at(-1);
    if (end !== undefined) yield items;
    if (items.length < WINDOW || end === undefined) return complete;
    first = lastOf(end) + 1n;
  }
  return true;
}
