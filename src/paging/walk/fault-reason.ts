import type { Access } from '../rules/access.ts';
import type { PagingMode } from '../rules/modes.ts';

/** One rule that forbids an access, of the several that may. @public */
export type Denial =
  /** The page has U/S=0, and the access is a user's. */
  | { readonly code: 'supervisor-page' }
  /** The page has R/W=0; a supervisor's write minds that because CR0.WP=1. */
  | { readonly code: 'read-only' }
  | { readonly code: 'not-executable' }
  | { readonly code: 'smep' }
  /** An implicit access is not lifted by RFLAGS.AC. */
  | { readonly code: 'smap'; readonly isImplicit: boolean }
  /** A shadow-stack access to a page that is none: R/W=0 and D=1 in the leaf, R/W=1 above. */
  | { readonly code: 'no-shadow-stack' }
  /** A supervisor's shadow-stack access to a user page. */
  | { readonly code: 'user-page' }
  /** The guest mode execute trap is on, and the page has U/S=1 in the nested tables. */
  | { readonly code: 'execute-trap' }
  /** A supervisor's shadow-stack access to a page whose nested entries make it none: NX=1 and U/S=0 in the leaf, R/W=1 above. */
  | { readonly code: 'no-nested-shadow-stack' }
  | { readonly code: 'protection-key'; readonly key: number; readonly register: 'PKRU' | 'PKRS' };

/** Why a walk failed, as data; `formatReason` makes a sentence of it. An entry is named after its table: `PDPTE`. @public */
export type WalkFaultReason =
  | { readonly code: 'not-present'; readonly entry: string }
  /** Ranges of reserved bits that are set, the highest first, each from its highest bit to its lowest. */
  | { readonly code: 'reserved-bits'; readonly entry: string; readonly bits: readonly (readonly [number, number])[] }
  | { readonly code: 'denied'; readonly entry: string; readonly access: Access; readonly denials: readonly Denial[] }
  | { readonly code: 'non-canonical'; readonly linearBits: number }
  /** More than 32 bits in compatibility mode, or in a mode that has no more. */
  | { readonly code: 'out-of-range'; readonly isCompatibility: boolean; readonly mode: PagingMode }
  /** CR4.LASS=1, and the address lies in the other half. */
  | { readonly code: 'lass' }
  | { readonly code: 'unbacked-table'; readonly entry: string };

/** Why the second stage refused an address of a nested guest (L2), as data. @public */
export interface NestedFaultReason {
  /** What its entry does; or it has none that reaches so far, or no memory of L1 holds what it leads to. */
  readonly code:
    | 'nested-not-present'
    | 'nested-reserved-bits'
    | 'nested-misconfiguration'
    | 'nested-privilege-violation'
    | 'nested-unbacked-table'
    | 'nested-out-of-reach'
    | 'nested-unbacked-page';
  readonly stage: 'npt' | 'ept';
  readonly l2PhysicalAddress: bigint;
  /** The entry of L2's own tables that was wanted at that address; null for the page that they lead to. */
  readonly guestEntry: string | null;
  /** The entry of the second stage that is to blame; null where there is none. */
  readonly entry: string | null;
}

/** Why a translation failed: what stopped the walk, or the second stage under it. @public */
export type FaultReason = WalkFaultReason | NestedFaultReason;
