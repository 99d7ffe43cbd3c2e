import type { PagingContext } from '../rules/context.ts';

/** The linear address of a page number: sign-extended where the mode has canonical addresses. @internal */
export function canonicalAddress({ linearBits, linearAddress }: PagingContext, page: number): bigint {
  const address = BigInt(page) << 12n;
  return linearAddress.isUnsigned ? address : BigInt.asUintN(64, BigInt.asIntN(linearBits, address));
}

/** The page number of a linear address, without its sign extension. @internal */
export function linearPageOf({ linearBits }: PagingContext, address: bigint): number {
  return Number(BigInt.asUintN(linearBits, address) >> 12n);
}

/** The first page of the upper half, which does not follow the last one of the lower; -1 where there are no halves. @internal */
export function upperHalfPage({ linearBits, linearAddress }: PagingContext): number {
  return linearAddress.isUnsigned ? -1 : 2 ** (linearBits - 13);
}
