/**
 * How linear addresses are translated: the four paging modes of SDM vol. 3A, 4.1.1, and none.
 *
 * @public
 */
export type PagingMode = 'off' | '32-bit' | 'pae' | '4-level' | '5-level';

/** A table of the paging structures, by the name that the manuals use. @public */
export type TableName = 'PML5' | 'PML4' | 'PDPT' | 'PD' | 'PT';

/** What an entry of one table looks like, before MAXPHYADDR and the features are known. @internal */
export interface LevelRow {
  /** 1 for the PT, counted upwards: the number that manuals and KVM use. */
  readonly level: number;
  readonly table: TableName;
  /** The lowest bit of the linear address that this table's index takes. A leaf here maps 2^shift bytes. */
  readonly shift: number;
  readonly indexBits: number;
  /** What a leaf at this level takes: always one, one when PS is set and the condition holds, or never one. */
  readonly leaf: 'always' | 'ps' | 'ps-if-pse' | 'ps-if-1g' | 'never';
  /** Bits 7:0 of a non-leaf entry that must be 0. */
  readonly reservedLow: number;
  /** Bits above bit 12 and below the address of a leaf that must be 0 (bit 12 of a large page is PAT). */
  readonly reservedLeaf: number;
  /** False for PAE PDPTEs, which have neither R/W, U/S and XD nor A. SDM vol. 3A, 4.4.1. */
  readonly carriesRights: boolean;
}

/** @internal */
export interface ModeRow {
  readonly mode: Exclude<PagingMode, 'off'>;
  readonly entrySizeBytes: 4 | 8;
  /** Width of a linear address; above 32, addresses must be canonical. */
  readonly linearBits: 32 | 48 | 57;
  /** The lowest bit of CR3 that belongs to the root's address. */
  readonly rootShift: 5 | 12;
  /** Bits 62:52 of an entry: ignored (with the protection key in 62:59) in long mode, reserved in PAE. SDM table 4-8 ff. */
  readonly highBits: 'absent' | 'ignored' | 'reserved';
  /** Protection keys exist only with IA-32e paging. SDM vol. 3A, 4.6.2. */
  readonly protectionKeys: boolean;
  readonly levels: readonly LevelRow[];
}

/** PS is reserved in PML5Es and PML4Es: no page is that large. SDM tables 4-14 and 4-15. */
const PS_RESERVED = 0x80;
/** Bits 20:13 of a 2 MB page and bits 29:13 of a 1 GB page. */
const BITS_20_13 = 0x001f_e000;
const BITS_29_13 = 0x3fff_e000;

const PT: LevelRow = {
  level: 1,
  table: 'PT',
  shift: 12,
  indexBits: 9,
  leaf: 'always',
  reservedLow: 0,
  reservedLeaf: 0,
  carriesRights: true,
};
const PD: LevelRow = { ...PT, level: 2, table: 'PD', shift: 21, leaf: 'ps', reservedLeaf: BITS_20_13 };
const PDPT: LevelRow = { ...PT, level: 3, table: 'PDPT', shift: 30, leaf: 'ps-if-1g', reservedLeaf: BITS_29_13 };
const PML4: LevelRow = { ...PT, level: 4, table: 'PML4', shift: 39, leaf: 'never', reservedLow: PS_RESERVED };
const PML5: LevelRow = { ...PML4, level: 5, table: 'PML5', shift: 48 };

/** SDM vol. 3A, 4.3: 32-bit paging. Which bits of a 4 MB leaf are address and which reserved is PSE-36's business. */
const PT_32: LevelRow = { ...PT, indexBits: 10 };
const PD_32: LevelRow = { ...PT_32, level: 2, table: 'PD', shift: 22, leaf: 'ps-if-pse' };

/** SDM vol. 3A, 4.4: PAE paging. Four PDPTEs, 32-byte aligned; which of their low bits are reserved is the profile's word. */
const PDPT_PAE: LevelRow = {
  ...PT,
  level: 3,
  table: 'PDPT',
  shift: 30,
  indexBits: 2,
  leaf: 'never',
  carriesRights: false,
};

const LONG = { entrySizeBytes: 8, rootShift: 12, highBits: 'ignored', protectionKeys: true } as const;

/**
 * The modes as data: the one place that says how each is laid out.
 *
 * @internal
 */
export const MODES: Readonly<Record<Exclude<PagingMode, 'off'>, ModeRow>> = {
  '32-bit': {
    mode: '32-bit',
    entrySizeBytes: 4,
    linearBits: 32,
    rootShift: 12,
    highBits: 'absent',
    protectionKeys: false,
    levels: [PD_32, PT_32],
  },
  pae: {
    mode: 'pae',
    entrySizeBytes: 8,
    linearBits: 32,
    rootShift: 5,
    highBits: 'reserved',
    protectionKeys: false,
    levels: [PDPT_PAE, PD, PT],
  },
  '4-level': { ...LONG, mode: '4-level', linearBits: 48, levels: [PML4, PDPT, PD, PT] },
  '5-level': { ...LONG, mode: '5-level', linearBits: 57, levels: [PML5, PML4, PDPT, PD, PT] },
};

/** Width of a linear address; 32 without paging, which long mode has not. @internal */
export function linearBitsOf(mode: PagingMode): ModeRow['linearBits'] {
  return mode === 'off' ? 32 : MODES[mode].linearBits;
}
