import type { FlatRange, FlatRangeType, FlatView } from '../../../protocols/qmp/index.ts';

/** A range of a flat view; `last` is inclusive. */
export function flatRange(
  type: FlatRangeType,
  first: bigint,
  last: bigint,
  name = 'pc.ram',
  offset = first,
): FlatRange {
  return { type, first, last, name, offset, priority: 0, nonVolatile: false };
}

/** A view that the named address spaces see. */
export function flatView(names: readonly string[], ranges: readonly FlatRange[]): FlatView {
  return { addressSpaces: names.map((name) => ({ name, root: 'system' })), root: 'system', ranges };
}
