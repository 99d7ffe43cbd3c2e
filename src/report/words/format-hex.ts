import { formatHex, type PagingMode } from '../../paging/index.ts';
import { linearDigits as digitsOf, linearBitsOf } from '../../paging/internal.ts';

export { formatHex } from '../../paging/index.ts';

/** How many digits show any linear address of a mode: where paging is off, too, they have 32 bits. @internal */
export function linearDigits(mode: PagingMode): 8 | 16 {
  return digitsOf(linearBitsOf(mode));
}

/** A linear address, as wide as all of its mode. @internal */
export function formatLinear(address: bigint, mode: PagingMode): string {
  return formatHex(address, linearDigits(mode));
}

/** The first and the last of linear addresses. @internal */
export function formatSpan(
  { first, last }: { readonly first: bigint; readonly last: bigint },
  mode: PagingMode,
): string {
  return `${formatLinear(first, mode)}-${formatLinear(last, mode)}`;
}

/** How many characters a span has. @internal */
export function spanWidth(mode: PagingMode): number {
  return 2 * (linearDigits(mode) + '0x'.length) + '-'.length;
}

/** How many digits show a whole entry of this size. @internal */
export function entryDigits(sizeBytes: 4 | 8): number {
  return sizeBytes * 2;
}
