import type { PlannedBits, Translation } from '../paging/index.ts';
import type { HvResultName } from './hv-result.ts';

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
  /** Bits of the entries above. */
  readonly bits: readonly PlannedBits[];
}

const PAGE_SHIFT = 12n;

/** @internal */
export function pageOf(address: bigint): bigint {
  return address >> PAGE_SHIFT;
}

/** @internal */
export function isOverlayPage({ overlayPages = [] }: HvPages, gpaPage: bigint): boolean {
  return overlayPages.includes(gpaPage);
}

/** The entries that the walk has looked at when it ends, from the top; the one that ends it is the last. */
function entriesVisited(translation: Translation): readonly { readonly level: number; readonly address: bigint }[] {
  const responsible = translation.kind === 'fault' ? translation.responsible : null;
  if (responsible === null) return translation.steps;
  return [...translation.steps.filter(({ level }) => level > responsible.level), responsible];
}

/**
 * The first page of tables that denies the walk what it needs: to be read, and to be written where a bit is to be set in it.
 *
 * @param bits - planned for the walk
 * @returns null when every page can be used
 * @internal
 */
export function findTableFailure(
  translation: Translation,
  bits: readonly PlannedBits[],
  pages: HvPages,
): TableFailure | null {
  const { accessTo } = pages;
  if (accessTo === undefined) return null;
  for (const { level, address } of entriesVisited(translation)) {
    const gpaPage = pageOf(address);
    const { read, write } = accessTo(gpaPage);
    const isWritten = bits.some((planned) => planned.level === level);
    if (read && (write || !isWritten)) continue;
    const denied = read ? 'GpaNoWriteAccess' : 'GpaNoReadAccess';
    return {
      result: isOverlayPage(pages, gpaPage) ? 'GpaIllegalOverlayAccess' : denied,
      gpaPage,
      bits: bits.filter((planned) => planned.level > level),
    };
  }
  return null;
}
