import { type EnumerateOptions, linearPageOf, type PagingContext } from '../paging/internal.ts';

/** A part of an address space, both ends inclusive. Everything unless given. @public */
export interface LinearRange {
  readonly first?: bigint;
  readonly last?: bigint;
}

const LAST = 0xffff_ffff_ffff_ffffn;
const NO_PAGES: EnumerateOptions = { firstPage: 1, lastPage: 0 };

/** The pages of a range: addresses that the mode cannot form are none. @internal */
export function pagesOfRange(context: PagingContext, { first = 0n, last = LAST }: LinearRange): EnumerateOptions {
  const [from, to] = context.linearBits === 32 ? [first, lower(last, 0xffff_ffffn)] : outOfHole(context, first, last);
  return from > to ? NO_PAGES : { firstPage: linearPageOf(context, from), lastPage: linearPageOf(context, to) };
}

/** Between the halves there are no addresses. */
function outOfHole({ linearBits }: PagingContext, first: bigint, last: bigint): readonly [bigint, bigint] {
  const half = 1n << BigInt(linearBits - 1);
  const upper = LAST - half + 1n;
  return [first >= half && first < upper ? upper : first, last >= half && last < upper ? half - 1n : last];
}

function lower(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
