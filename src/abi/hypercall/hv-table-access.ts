import type { PlannedBits } from '../../paging/index.ts';
import type { HvInterceptedAccess } from './hv-event.ts';
import type { HvResultName } from './hv-result.ts';
import { type HvWalkEnd, pageOf } from './hv-walk-end.ts';

/** What may be done with a guest physical page of tables: tables are read, and written where a bit is set. @public */
export interface HvPageAccess {
  readonly read: boolean;
  readonly write: boolean;
}

/** Tells what may be done with a guest physical page, by its number. @public */
export type HvAccessTo = (gpaPage: bigint) => HvPageAccess;

/** What one VTL lets those below it do with pages: its protection masks (HvCallModifyVtlProtectionMask). @public */
export interface HvVtlProtection {
  readonly vtl: number;
  readonly accessTo: HvAccessTo;
}

/** What is known of guest physical pages beside what is in them. @public */
export interface HvPages {
  /** Numbers of the pages that the hypervisor has laid over the guest's own: hypercall page, VP-assist page and so on. */
  readonly overlayPages?: readonly bigint[];
  /** What the parent's mapping lets the partition do with a page. Everything unless given. */
  readonly accessTo?: HvAccessTo;
  /** What VTLs allow those below them. Those of VTLs above the one that is asked about count. None unless given. */
  readonly protections?: readonly HvVtlProtection[];
}

/** `HV_MAP_GPA_FLAGS`, as the parent's mapping and the VTLs' protection masks have them. @public */
export const HV_MAP_GPA = {
  readable: 1 << 0,
  writable: 1 << 1,
  kernelExecutable: 1 << 2,
  userExecutable: 1 << 3,
} as const;

/** What a mask of {@link HV_MAP_GPA} bits means to page tables: they are never executed. @public */
export function hvPageAccess(mapFlags: number): HvPageAccess {
  return { read: (mapFlags & HV_MAP_GPA.readable) !== 0, write: (mapFlags & HV_MAP_GPA.writable) !== 0 };
}

/** A page of tables that could not be used, and what was done until then. @internal */
export interface TableFailure {
  readonly result: HvResultName;
  /** The page's number. */
  readonly gpaPage: bigint;
  /** Bits of the entries before. */
  readonly bits: readonly PlannedBits[];
  /** The VTL that refuses, and what; null when the parent's mapping does. */
  readonly denial: VtlDenial | null;
}

/** @internal */
export interface VtlDenial {
  readonly vtl: number;
  readonly access: HvInterceptedAccess;
}

/** @internal */
export function isOverlayPage({ overlayPages = [] }: HvPages, gpaPage: bigint): boolean {
  return overlayPages.includes(gpaPage);
}

/** What stands in the way of one page of tables. */
type Refusal = Pick<TableFailure, 'result' | 'denial'>;

/**
 * The first page of tables that denies the walk what it needs: to be read, and to be written where a bit is to be set in it.
 * The parent's mapping is asked before the VTLs, whose protections lie on memory that is mapped.
 *
 * @param bits - planned for the walk
 * @param vtl - the one that is asked about
 * @returns null when every page can be used
 * @internal
 */
export function findTableFailure(
  { entries, result, physicalAddress }: Pick<HvWalkEnd, 'entries' | 'result' | 'physicalAddress'>,
  bits: readonly PlannedBits[],
  pages: HvPages,
  vtl: number,
): TableFailure | null {
  const unmapped = result === 'GpaUnmapped' && physicalAddress !== null ? pageOf(physicalAddress) : null;
  for (const [at, entry] of entries.entries()) {
    const gpaPage = pageOf(entry);
    const isWritten = bits.some(({ address }) => address === entry);
    const above = gpaPage === unmapped ? [] : protectionsAbove(pages, vtl);
    const refusal =
      refusalOf('read', gpaPage, pages, above) ?? (isWritten ? refusalOf('write', gpaPage, pages, above) : null);
    if (refusal === null) continue;
    const before = new Set(entries.slice(0, at));
    return { ...refusal, gpaPage, bits: bits.filter(({ address }) => before.has(address)) };
  }
  return null;
}

/** The highest first: where several VTLs deny an access, the one that hides the page from all of them is told. */
function protectionsAbove({ protections = [] }: HvPages, vtl: number): readonly HvVtlProtection[] {
  return protections.filter((each) => each.vtl > vtl).sort((one, other) => other.vtl - one.vtl);
}

function refusalOf(
  access: keyof HvPageAccess,
  gpaPage: bigint,
  pages: HvPages,
  above: readonly HvVtlProtection[],
): Refusal | null {
  if (pages.accessTo?.(gpaPage)[access] === false) {
    const denied = access === 'read' ? 'GpaNoReadAccess' : 'GpaNoWriteAccess';
    return { result: isOverlayPage(pages, gpaPage) ? 'GpaIllegalOverlayAccess' : denied, denial: null };
  }
  const denying = above.find(({ accessTo }) => !accessTo(gpaPage)[access]);
  return denying === undefined ? null : { result: 'Intercept', denial: { vtl: denying.vtl, access } };
}
