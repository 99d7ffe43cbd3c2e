import type { PageSize } from './piece-sink.ts';

const BY_SHIFT: Readonly<Record<number, PageSize>> = {
  12: { level: 1, shift: 12 },
  21: { level: 2, shift: 21 },
  22: { level: 4, shift: 22 },
  30: { level: 3, shift: 30 },
};

/**
 * The sizes of pages of all formats: the smaller one of two stages' may be of either. The levels are places to count them in.
 *
 * @internal
 */
export const PIECE_SIZES: readonly PageSize[] = Object.values(BY_SHIFT);

/** @throws RangeError for what is no size of a page. @internal */
export function pieceSizeOf(shift: number): PageSize {
  const size = BY_SHIFT[shift];
  if (size === undefined) throw new RangeError(`no format has pages of 2^${shift} bytes`);
  return size;
}
