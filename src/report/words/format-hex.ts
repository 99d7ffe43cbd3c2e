export { formatHex } from '../../paging/index.ts';

/** How many digits show a whole entry of this size. @internal */
export function entryDigits(sizeBytes: 4 | 8): number {
  return sizeBytes * 2;
}
