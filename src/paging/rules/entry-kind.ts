import type { Level } from './levels.ts';

/** What an entry is to the processor. @internal */
export const ENTRY = { absent: 0, reserved: 1, table: 2, leaf: 3 } as const;

/** @internal */
export type EntryKind = (typeof ENTRY)[keyof typeof ENTRY];

/**
 * Classifies an entry: P first, then reserved bits, which differ between leaves and pointers to tables. The one place for that
 * rule; walk and enumeration both ask here.
 *
 * @internal
 */
export function entryKindOf(level: Level, low: number, high: number): EntryKind {
  if ((low & level.presentMask) === 0) return ENTRY.absent;
  if (level.misconfigured !== null && level.misconfigured[combinationOf(low, high)] !== 0) return ENTRY.reserved;
  if ((low & level.leafBit) !== 0) {
    return (low & level.leafReservedLow) | (high & level.leafReservedHigh) ? ENTRY.reserved : ENTRY.leaf;
  }
  return (low & level.tableReservedLow) | (high & level.tableReservedHigh) ? ENTRY.reserved : ENTRY.table;
}

/**
 * Rights, memory type and size bit of an EPT entry as an index: bits 5:0 and 7 as they stand, bit 10 (XU) in place of 6, and
 * bit 58 (paging-write) as bit 8.
 *
 * @internal
 */
export function combinationOf(low: number, high: number): number {
  return (low & 0xbf) | ((low >>> 4) & 0x40) | ((high >>> 18) & 0x100);
}

const TWO_20 = 0x10_0000;

/** The page number of the table that an entry points to. @internal */
export function tablePageOf(level: Level, low: number, high: number): number {
  return (high & level.addressHigh) * TWO_20 + (low >>> 12);
}

/** The number of the first 4 KB page that a leaf maps. @internal */
export function leafPageOf(level: Level, low: number, high: number): number {
  const baseHigh = (high & level.addressHigh) | ((low >>> 13) & level.leafHighFromLow);
  return baseHigh * TWO_20 + ((low & level.leafAddressLow) >>> 12);
}
