import type { PagingContext } from '../rules/context.ts';
import { joinHalves } from '../rules/halves.ts';

const TWO_20 = 0x10_0000;

/** The linear address of a page number, or of a byte in it: sign-extended where the mode has canonical addresses. @internal */
export function canonicalAddress({ linearBits, linearAddress }: PagingContext, page: number, offset = 0): bigint {
  const high = Math.floor(page / TWO_20);
  // By shifts: this is done twice for each of hundreds of thousands of ranges, and a power takes longer than all the rest.
  const unused = 64 - linearBits;
  return joinHalves(linearAddress.isUnsigned ? high : (high << unused) >> unused, (page << 12) | offset);
}

/** The address of a physical page, or of a byte in it. @internal */
export function physicalAddressOf(page: number, offset = 0): bigint {
  return joinHalves(Math.floor(page / TWO_20), (page << 12) | offset);
}

/** The page number of a linear address, without its sign extension. @internal */
export function linearPageOf({ linearBits }: Pick<PagingContext, 'linearBits'>, address: bigint): number {
  return Number(BigInt.asUintN(linearBits, address) >> 12n);
}

/** The first page of the upper half, which does not follow the last one of the lower; -1 where there are no halves. @internal */
export function upperHalfPage({ linearBits, linearAddress }: PagingContext): number {
  return linearAddress.isUnsigned ? -1 : 2 ** (linearBits - 13);
}
