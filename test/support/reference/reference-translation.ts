/** Where no paging happens, and the four formats (SDM vol. 3A, 4.1.1). @internal */
export type ReferenceMode = 'off' | '32-bit' | 'pae' | '4-level' | '5-level';

/** The registers and features that decide a translation. @internal */
export interface ReferenceMachine {
  registers: {
    cr0: bigint;
    cr3: bigint;
    cr4: bigint;
    efer: bigint;
    rflags: bigint;
    pkru: number;
    pkrs: number;
    /** The PDPTE registers, as MOV CR3 loaded them; where absent, PAE paging reads PDPTEs from memory. */
    pdptes?: readonly [bigint, bigint, bigint, bigint];
    /** False: the A20 gate is closed. Open unless given. */
    a20?: boolean;
  };
  processor: {
    maxPhyAddr: number;
    vendor: 'intel' | 'amd';
    pse36: boolean;
    pdpe1gb: boolean;
    /** Position of SEV's C-bit; none unless given. */
    encryptionBit?: number;
  };
}

/** One access to judge; `implicit` is a supervisor access whatever the privilege level (SDM 4.6). @internal */
export interface ReferenceAccess {
  write: boolean;
  user: boolean;
  exec: boolean;
  implicit: boolean;
  /** Made by CALL, RET, WRSS and their like to a shadow stack (SDM 4.6). */
  shadowStack: boolean;
  /** The segment that the address is relative to. */
  segment: 'ds-es' | 'ss' | 'other';
}

/** Something that holds entries; null where no memory is. @internal */
export interface ReferenceMemory {
  readEntry(address: bigint, sizeBytes: 4 | 8): bigint | null;
}

/** What all entries together allow. @internal */
export interface ReferenceRights {
  write: boolean;
  user: boolean;
  exec: boolean;
}

/** One entry as the walk saw it. @internal */
export interface ReferenceStep {
  level: number;
  table: 'PML5' | 'PML4' | 'PDPT' | 'PD' | 'PT';
  index: number;
  address: bigint;
  value: bigint;
}

/** The access goes through. @internal */
export interface ReferenceMapped {
  kind: 'mapped';
  untaggedAddress: bigint;
  physicalAddress: bigint;
  /** Bytes; null without paging. */
  pageSizeBytes: number | null;
  rights: ReferenceRights;
  /** Bits 62:59 of the leaf, in force or not; null where the mode has no keys. */
  protectionKey: number | null;
  steps: readonly ReferenceStep[];
}

/** Why an access does not go through. @internal */
export type ReferenceCause =
  | 'not-present'
  | 'privilege-violation'
  | 'reserved-bits'
  | 'non-canonical'
  | 'lass'
  | 'out-of-range'
  | 'unbacked-table';

/** The access does not go through. @internal */
export interface ReferenceFault {
  kind: 'fault';
  untaggedAddress: bigint;
  cause: ReferenceCause;
  /** #PF, or #GP where no paging structure was looked at; #SS instead of #GP relative to SS. */
  vector: 12 | 13 | 14 | null;
  /** As pushed by hardware; null where no hardware exception answers to the cause. */
  errorCode: number | null;
  responsible: { level: number; address: bigint } | null;
  /** Known only once the leaf was reached, that is for `privilege-violation`. */
  rights: ReferenceRights | null;
  pageSizeBytes: number | null;
  protectionKey: number | null;
  steps: readonly ReferenceStep[];
}

/** @internal */
export type ReferenceTranslation = ReferenceMapped | ReferenceFault;
