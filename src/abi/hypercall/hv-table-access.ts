import type { PlannedBits } from '../../paging/index.ts';
import type { HvResultName } from './hv-result.ts';
import { type HvWalkEnd, pageOf } from './hv-walk-end.ts';

/** What the partition may do with a guest physical page. @public */
export interface HvPageAccess {
  readonly read: boolean;
  readonly write: boolean;
}

/** What is known of guest physical pages beside what is in them. @public */
export interface HvPages {
  /** Numbers of the pages that the hypervisor has laid over the guest's own: hypercall page, VP-assist page and so on. */
  readonly overlayPages?: readonly bigint[];
  /** What the partition may do with a page, by its number. Everything unless given. */
  readonly accessTo?: (gpaPage: bigint) => HvPageAccess;
}

/** A page of tables that could not be used, and what was done until then. @internal */
export interface TableFailure {
  readonly result: HvResultName;
  readonly gpaPage: bigint;
  /** Bits of the entries before. */
  readonly bits: readonly PlannedBits[];
}

/** @internal */
export function isOverlayPage({ overlayPages = [] }: HvPages, gpaPage: bigint): boolean {
  return overlayPages.includes(gpaPage);
}

/**
 * The first page of tables that denies the walk what it needs: to be read, and to be written where a bit is to be set in it.
 *
 * @param bits - planned for the walk
 * @returns null when every page can be used
 * @internal
 */
export function findTableFailure(
  { entries }: Pick<HvWalkEnd, 'entries'>,
  bits: readonly PlannedBits[],
  pages: HvPages,
): TableFailure | null {
  const { accessTo } = pages;
  if (accessTo === undefined) return null;
  for (const [at, entry] of entries.entries()) {
    const gpaPage = pageOf(entry);
    const { read, write } = accessTo(gpaPage);
    const isWritten = bits.some(({ address }) => address === entry);
    if (read && (write || !isWritten)) continue;
    const denied = read ? 'GpaNoWriteAccess' : 'GpaNoReadAccess';
    const before = new Set(entries.slice(0, at));
    return {
      result: isOverlayPage(pages, gpaPage) ? 'GpaIllegalOverlayAccess' : denied,
      gpaPage,
      bits: bits.filter(({ address }) => before.has(address)),
    };
  }
  return null;
}
