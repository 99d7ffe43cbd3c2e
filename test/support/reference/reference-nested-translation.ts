import type {
  ReferenceFault,
  ReferenceMachine,
  ReferenceMapped,
  ReferenceRights,
  ReferenceStep,
} from './reference-translation.ts';

/** Nested paging by AMD: ordinary tables, in the format of the host at VMRUN. @internal */
export interface ReferenceNpt {
  kind: 'npt';
  /** The host's registers at VMRUN, with nested CR3 in place of CR3. */
  host: ReferenceMachine;
  /** Guest mode execute trap: VMCB offset 90h, bit 3. */
  gmet?: boolean;
  /** SSSCheckEn: VMCB offset 90h, bit 4. */
  sss?: boolean;
}

/** Extended page tables by Intel. @internal */
export interface ReferenceEpt {
  kind: 'ept';
  eptp: bigint;
  capabilities: {
    maxPhyAddr: number;
    executeOnly: boolean;
    page1g: boolean;
    /** The VM-execution controls of these names are 1. */
    modeBasedExecute: boolean;
    supervisorShadowStack: boolean;
    pagingWrite: boolean;
    /** VM exits tell what the guest's paging makes of the address. */
    advancedExitInformation: boolean;
  };
}

/** @internal */
export type ReferenceNested = ReferenceNpt | ReferenceEpt;

/** Whose guest-physical address: of an entry of the guest's tables, or of what its linear address leads to. @internal */
export type ReferencePurpose = 'table' | 'final';

/** One access to a guest-physical address, as nested tables are asked to allow it. @internal */
export interface ReferenceNestedAccess {
  purpose: ReferencePurpose;
  read: boolean;
  write: boolean;
  exec: boolean;
  /** Of `final` accesses: the guest is at CPL 3, and does not access a system structure. */
  user: boolean;
  /** Of `final` accesses to a shadow stack, whose. */
  shadowStack: 'user' | 'supervisor' | null;
  /** What the guest's paging makes of the linear address; null for `table`, where that is not known yet. */
  page: ReferenceRights | null;
}

/** Why nested tables refuse an access. @internal */
export type ReferenceNestedCause =
  | 'not-present'
  | 'reserved-bits'
  | 'privilege-violation'
  | 'misconfiguration'
  | 'unbacked-table';

/** What nested tables say to one access. @internal */
export type ReferenceNestedOutcome =
  | {
      kind: 'mapped';
      steps: readonly ReferenceStep[];
      l1PhysicalAddress: bigint;
      /** Null where the host has no paging. */
      pageSizeBytes: number | null;
    }
  | ({ kind: 'refused'; steps: readonly ReferenceStep[] } & ReferenceNestedRefusal);

/** @internal */
export interface ReferenceNestedRefusal {
  cause: ReferenceNestedCause;
  /** The nested entry, by its host-physical address. */
  responsible: { level: number; address: bigint } | null;
  exitInfo1: bigint | null;
  exitQualification: bigint | null;
}

/** One walk through nested tables. @internal */
export interface ReferenceNestedWalk {
  l2PhysicalAddress: bigint;
  purpose: ReferencePurpose;
  steps: readonly ReferenceStep[];
  l1PhysicalAddress: bigint | null;
}

/** What both stages together make of an access. @internal */
export type ReferenceNestedTranslation =
  | {
      kind: 'mapped';
      l2PhysicalAddress: bigint;
      l1PhysicalAddress: bigint;
      pageSizeBytes: number | null;
      guest: ReferenceMapped;
      walks: readonly ReferenceNestedWalk[];
    }
  | { kind: 'guest-fault'; guest: ReferenceFault; walks: readonly ReferenceNestedWalk[] }
  | ({
      kind: 'nested-fault';
      /** What the guest's tables were asked for: without a tag that the processor ignores. */
      untaggedAddress: bigint;
      purpose: ReferencePurpose;
      l2PhysicalAddress: bigint;
      guestSteps: readonly ReferenceStep[];
      walks: readonly ReferenceNestedWalk[];
    } & ReferenceNestedRefusal);
