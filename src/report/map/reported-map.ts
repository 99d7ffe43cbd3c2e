import type { MappedLeaf, NestedContext, PagingMode } from '../../paging/index.ts';
import type { ReportedAssumption } from '../assumed/reported-assumption.ts';
import type { ReportedAreas } from '../linux/format-area.ts';
import type { ReportedStage } from '../state/reported-state.ts';
import type { ReportedAddressSpace, ReportedRegion } from '../translation/reported-translation.ts';

/** Which map this is. @public */
export interface ReportedMap {
  /** Ranges of pages with the same rights, or page by page. */
  readonly of: 'ranges' | 'pages';
  readonly cpu: number;
  readonly mode: PagingMode;
  readonly space: ReportedAddressSpace;
  /** The second stage that the map leads through, of a nested guest (L2); null where there is one stage. */
  readonly nested: { readonly stage: ReportedStage; readonly context: NestedContext } | null;
  /** The part of the address space, both ends inclusive. */
  readonly first: bigint;
  readonly last: bigint;
  /** What was left out of it, as it was said; null when nothing was. */
  readonly filter: string | null;
  /** What the map rests on that was unavailable. */
  readonly assumed: readonly ReportedAssumption[];
}

/** A page with what lies at its first byte. @public */
export interface ReportedLeaf extends MappedLeaf {
  readonly region: ReportedRegion;
  /** What Linux keeps there, where names were asked for. */
  readonly areas?: ReportedAreas;
}

/** How a map ended. @public */
export interface ReportedMapEnd {
  /** False when the map is incomplete. */
  readonly complete: boolean;
  /** Ranges or pages that were told. */
  readonly count: number;
  /** Pages of memory that the tables take. */
  readonly tablePages: number;
  /** False where the table that every walk begins with is neither in RAM nor in ROM: nothing is known then. */
  readonly rootReadable: boolean;
  readonly reservedEntries: number;
  readonly unbackedTables: number;
}
