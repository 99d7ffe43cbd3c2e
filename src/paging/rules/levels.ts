import { ENTRY_A, ENTRY_D, ENTRY_P, ENTRY_PS, ENTRY_RW, ENTRY_US, ENTRY_XD_HIGH } from './architecture.ts';
import type { LevelRow, ModeRow, TableName } from './modes.ts';
import type { Profile } from './profiles.ts';

/**
 * One level of a paging mode with everything that registers, features and profile decide already worked in: what the walk
 * and the enumerator read. Entries are two 32-bit halves, so every mask is too.
 *
 * @public
 */
export interface Level {
  readonly level: number;
  readonly table: TableName;
  readonly shift: number;
  /** @internal */
  readonly indexMask: number;
  readonly entrySizeBytes: 4 | 8;
  /** An entry with none of these bits is not present: P, or in an EPT entry any right. @internal */
  readonly presentMask: number;
  /**
   * The bits that make a present entry a leaf: P itself in a PT, PS where large pages exist, none where no leaf may be.
   *
   * @internal
   */
  readonly leafBit: number;
  /**
   * For EPT: whether a combination of rights and memory type, see `combinationOf`, is a misconfiguration; else null.
   *
   * @internal
   */
  readonly misconfigured: Uint8Array | null;
  /** @internal */
  readonly tableReservedLow: number;
  /** @internal */
  readonly tableReservedHigh: number;
  /** @internal */
  readonly leafReservedLow: number;
  /** @internal */
  readonly leafReservedHigh: number;
  /** The bits of an entry's high half that are address: 51:32. @internal */
  readonly addressHigh: number;
  /** The bits of a leaf's low half that are address. @internal */
  readonly leafAddressLow: number;
  /** PSE-36: the bits of `low >>> 13` that are physical address bits 39:32 of a 4 MB page. @internal */
  readonly leafHighFromLow: number;
  /** ORed to an entry before its rights count: R/W and U/S where the entry has no such bits. @internal */
  readonly impliedRights: number;
  /** False where the entry has no accessed bit (PAE PDPTEs, EPT without the A/D flag). */
  readonly hasAccessed: boolean;
  /** Where an entry has A and D. */
  readonly usageBits: UsageBits;
}

/** The masks of an entry's accessed and dirty bits. @public */
export interface UsageBits {
  readonly accessed: bigint;
  readonly dirty: bigint;
}

/** SDM table 4-19: bits 5 and 6, in every format but EPT's. @internal */
export const ORDINARY_USAGE_BITS: UsageBits = { accessed: BigInt(ENTRY_A), dirty: BigInt(ENTRY_D) };

/** What registers and CPUID say about the format of entries. @internal */
export interface FormatConditions {
  readonly maxPhyAddr: number;
  readonly vendor: 'intel' | 'amd';
  readonly pse: boolean;
  readonly nxe: boolean;
  readonly pse36: boolean;
  readonly pdpe1gb: boolean;
  readonly profile: Profile;
  /** SEV's C-bit as a mask on the high half, or 0. */
  readonly encryptionHigh: number;
}

/** All bits from `from` to `to` of a 32-bit half; none when `from` is above `to`. @internal */
export function bits(from: number, to: number): number {
  let mask = 0;
  for (let bit = from; bit <= to; bit += 1) mask |= 1 << bit;
  return mask;
}

/** How many physical address bits above 32 a 4 MB page can hold. SDM vol. 3A, 4.3 (PSE-36); APM vol. 2, 5.2.3. */
function pse36AddressBits(when: FormatConditions): number {
  if (when.profile.pse36 !== 'by-cpuid') return when.profile.pse36;
  return when.pse36 ? Math.min(40, when.maxPhyAddr) - 32 : 0;
}

function leafBitOf(row: LevelRow, when: FormatConditions): number {
  switch (row.leaf) {
    case 'always':
      return ENTRY_P;
    case 'ps':
      return ENTRY_PS;
    case 'ps-if-pse':
      return when.pse ? ENTRY_PS : 0;
    case 'ps-if-1g':
      return when.pdpe1gb || !when.profile.honoursPdpe1gb ? ENTRY_PS : 0;
    case 'never':
      return 0;
  }
}

function reservedHighOf(mode: ModeRow, row: LevelRow, when: FormatConditions): number {
  if (mode.highBits === 'absent') return 0;
  const aboveMaxPhyAddr = bits(when.maxPhyAddr - 32, 19);
  const ignoredInLongMode = mode.highBits === 'reserved' ? bits(20, 30) : 0;
  const executeDisable = when.nxe && row.carriesRights ? 0 : ENTRY_XD_HIGH;
  return (aboveMaxPhyAddr & ~when.encryptionHigh) | ignoredInLongMode | executeDisable;
}

function isBit8Reserved({ profile, vendor }: FormatConditions): boolean {
  return profile.topLevelBit8Reserved === 'always' || (profile.topLevelBit8Reserved === 'on-amd' && vendor === 'amd');
}

function reservedLowOf(row: LevelRow, leafBit: number, when: FormatConditions): number {
  const noLargePage = row.leaf === 'ps-if-1g' && leafBit === 0 ? ENTRY_PS : 0;
  const bit8 = row.level >= 4 && isBit8Reserved(when) ? 1 << 8 : 0;
  const low = row.carriesRights ? row.reservedLow : when.profile.pdpteReserved;
  return low | noLargePage | bit8;
}

/** @internal */
export function compileLevel(mode: ModeRow, row: LevelRow, when: FormatConditions): Level {
  const leafBit = leafBitOf(row, when);
  const reservedHigh = reservedHighOf(mode, row, when);
  const highFromLowBits = row.leaf === 'ps-if-pse' ? pse36AddressBits(when) : 0;
  const pse36Reserved = row.leaf === 'ps-if-pse' ? bits(13 + highFromLowBits, 21) : 0;
  return {
    level: row.level,
    table: row.table,
    shift: row.shift,
    indexMask: (1 << row.indexBits) - 1,
    entrySizeBytes: mode.entrySizeBytes,
    presentMask: ENTRY_P,
    leafBit,
    misconfigured: null,
    tableReservedLow: reservedLowOf(row, leafBit, when),
    tableReservedHigh: reservedHigh,
    leafReservedLow: row.reservedLeaf | pse36Reserved,
    leafReservedHigh: reservedHigh,
    addressHigh: mode.entrySizeBytes === 8 ? bits(0, 19) & ~when.encryptionHigh : 0,
    leafAddressLow: bits(row.shift, 31),
    leafHighFromLow: bits(0, highFromLowBits - 1),
    impliedRights: row.carriesRights ? 0 : ENTRY_RW | ENTRY_US,
    hasAccessed: row.carriesRights,
    usageBits: ORDINARY_USAGE_BITS,
  };
}
