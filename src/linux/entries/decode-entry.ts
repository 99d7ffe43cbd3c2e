import type { EntryRules } from './entry-rules.ts';
import type { LinuxEntry, LinuxEntryBit, SwapBits } from './linux-entry.ts';

/** An entry, and where it stands. @internal */
export interface StandingEntry {
  readonly value: bigint;
  /** 1 is the page table's. */
  readonly level: number;
  readonly sizeBytes: 4 | 8;
  /** Of the linear address that it serves: Linux keeps pages of processes below. */
  readonly isUserAddress: boolean;
}

const bit = (value: bigint, position: number): boolean => ((value >> BigInt(position)) & 1n) === 1n;

const PAGE_SIZE_BIT = 7;
/** The global bit, which means nothing in an entry that is not present (_PAGE_BIT_PROTNONE). */
const PROT_NONE_BIT = 8;
const FRAME_MASK = 0x000f_ffff_ffff_f000n;
const LARGE_FRAME_MASK = 0x000f_ffff_ffe0_0000n;
const FRAME_BYTES = 4096n;
/** The type is in bits 63:59, the offset inverted in bits 58:9 (arch/x86/include/asm/pgtable_64.h, since 4.18). */
const TYPE_SHIFT = 59n;
const OFFSET_SHIFT = 9n;
const OFFSET_MASK = (1n << 50n) - 1n;

/**
 * What Linux means by an entry.
 *
 * @param isMemory - whether memory is at a physical address: what an inverted address is told by
 * @internal
 */
export function decodeEntry(
  entry: StandingEntry,
  rules: EntryRules,
  isMemory: (address: bigint) => boolean,
): LinuxEntry {
  const { value, level, isUserAddress } = entry;
  if (value === 0n) return { kind: 'empty' };
  if (bit(value, 0)) return { kind: 'present', bits: isUserAddress ? softwareBits(entry, rules) : [] };
  if (level > 2) return UNKNOWN;
  if (bit(value, PROT_NONE_BIT)) return { kind: 'no-access', ...hiddenAddress(entry, isMemory) };
  if (level === 2 && bit(value, PAGE_SIZE_BIT)) return { kind: 'splitting' };
  // The kernel's own pages are never swapped out: what is not present there says no more than that.
  return isUserAddress ? decodeSwap(entry, rules) : UNKNOWN;
}

const UNKNOWN: LinuxEntry = { kind: 'unknown', type: null, offset: null };

/** Inverted since 4.18, so that no processor speculates through it (L1TF); 32-bit paging without PAE inverts nothing. */
function hiddenAddress(
  { value, level, sizeBytes }: StandingEntry,
  isMemory: (address: bigint) => boolean,
): { readonly physicalAddress: bigint | null; readonly isInverted: boolean } {
  const mask = sizeBytes === 4 ? 0xffff_f000n : level === 2 ? LARGE_FRAME_MASK : FRAME_MASK;
  const inverted = ~value & mask;
  if (sizeBytes === 8 && isMemory(inverted)) return { physicalAddress: inverted, isInverted: true };
  const plain = value & mask;
  return { physicalAddress: isMemory(plain) ? plain : null, isInverted: false };
}

function decodeSwap({ value, sizeBytes }: StandingEntry, rules: EntryRules): LinuxEntry {
  // Without PAE: type in bits 5:1, offset from bit 9 on, and no room for more.
  const isWide = sizeBytes === 8;
  const type = Number(isWide ? value >> TYPE_SHIFT : (value >> 1n) & 31n);
  const offset = isWide ? (~value >> OFFSET_SHIFT) & OFFSET_MASK : value >> OFFSET_SHIFT;
  const bits: SwapBits = isWide
    ? { softDirty: bit(value, 1), uffdWp: bit(value, 2), exclusive: bit(value, 3) }
    : { softDirty: false, uffdWp: false, exclusive: false };
  const { swapFiles, specialTypes, frameBits } = rules;
  if (swapFiles !== null && type < swapFiles) return { kind: 'swap', type, offset, ...bits };
  const special = specialTypes?.get(type);
  const frame = offset & ((1n << BigInt(frameBits)) - 1n);
  const physicalAddress = frame * FRAME_BYTES;
  switch (special) {
    case 'marker':
      return { kind: 'marker', marks: marksOf(offset), value: offset };
    case 'device':
      return { kind: 'device', frame };
    case 'poisoned':
      return { kind: 'poisoned', physicalAddress };
    case 'migration-read':
      return { kind: 'migration', allows: 'read', physicalAddress, ...bits };
    case 'migration-read-exclusive':
      return { kind: 'migration', allows: 'read-exclusive', physicalAddress, ...bits };
    case 'migration-write':
      return { kind: 'migration', allows: 'write', physicalAddress, ...bits };
    case undefined:
      return { kind: 'unknown', type, offset };
  }
}

const MARKS = ['uffd-wp', 'poisoned', 'guard'] as const;

function marksOf(offset: bigint): ('uffd-wp' | 'poisoned' | 'guard')[] {
  return MARKS.filter((_, position) => bit(offset, position));
}

/** Bits 11:9 and 58:57 of pages of processes (arch/x86/include/asm/pgtable_types.h); the kernel's own use them otherwise. */
function softwareBits({ value, sizeBytes }: StandingEntry, { hasSavedDirty, hasUffdWp }: EntryRules): LinuxEntryBit[] {
  const bits: LinuxEntryBit[] = [];
  if (bit(value, 9)) bits.push('special');
  if (bit(value, 10) && hasUffdWp) bits.push('uffd-wp');
  if (bit(value, 11)) bits.push('soft-dirty');
  if (sizeBytes === 8 && hasSavedDirty !== null && bit(value, hasSavedDirty ? 57 : 58)) bits.push('devmap');
  if (sizeBytes === 8 && hasSavedDirty && bit(value, 58)) bits.push('saved-dirty');
  return bits;
}
