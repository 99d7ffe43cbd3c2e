import { PagingInputError } from '../errors.ts';
import { type Access, encodeAccess } from '../rules/access.ts';
import type { PagingContext } from '../rules/context.ts';
import { highHalf, lowHalf } from '../rules/halves.ts';
import { type Translation, toTranslation } from './translation.ts';
import { Walk } from './walk.ts';

/** Where page-table entries come from. @public */
export interface EntrySource {
  /**
   * The little-endian entry at a guest physical address, or null where no memory holds it.
   *
   * @param size - 4 in 32-bit paging, else 8
   */
  readEntry(address: bigint, sizeBytes: 4 | 8): bigint | null;
}

/**
 * @throws {@link PagingInputError} `ERR_PAGING_ADDRESS` for an address that does not fit 64 bits, `ERR_PAGING_ACCESS` for a
 * shadow-stack access where there are none.
 * @internal
 */
export function checkQuestion(context: PagingContext, linearAddress: bigint, access: Access): void {
  if (linearAddress < 0n || BigInt.asUintN(64, linearAddress) !== linearAddress) {
    throw new PagingInputError('ERR_PAGING_ADDRESS', `a linear address has 64 bits: ${linearAddress}`);
  }
  if (access.shadowStack && !context.hasShadowStacks) {
    throw new PagingInputError('ERR_PAGING_ACCESS', 'there are no shadow-stack accesses with CR4.CET=0');
  }
}

/**
 * Starts a walk for a linear address.
 *
 * @returns whether the walk wants an entry
 * @throws {@link PagingInputError} `ERR_PAGING_ADDRESS` for an address that does not fit 64 bits, `ERR_PAGING_ACCESS` for a
 * kind of access that cannot be.
 * @internal
 */
export function startWalk(walk: Walk, linearAddress: bigint, access: Access): boolean {
  checkQuestion(walk.context, linearAddress, access);
  return walk.start(highHalf(linearAddress), lowHalf(linearAddress), encodeAccess(access));
}

/**
 * Translates one linear address, reading entries as the walk asks for them. Nothing is written: see `planBits` for the
 * accessed and dirty bits.
 *
 * @throws {@link PagingInputError} for an address or access that no processor could make.
 * @public
 */
export function translate(
  context: PagingContext,
  memory: EntrySource,
  linearAddress: bigint,
  access: Access,
): Translation {
  const walk = new Walk(context);
  let wantsEntry = startWalk(walk, linearAddress, access);
  while (wantsEntry) {
    const entry = memory.readEntry(BigInt(walk.wanted), walk.levelAt(walk.depth).entrySizeBytes);
    if (entry === null) {
      walk.feedUnbacked();
      break;
    }
    wantsEntry = walk.feed(lowHalf(entry), highHalf(entry));
  }
  return toTranslation(walk);
}
