import { controlBits } from '../reference/reference-machine.ts';
import type { ReferenceEpt } from '../reference/reference-nested-translation.ts';
import type { ReferenceMachine, ReferenceMode } from '../reference/reference-translation.ts';
import type { Random } from './random.ts';

/** One level of nested tables. @internal */
export interface NestedLevel {
  level: number;
  shift: bigint;
  size: 4 | 8;
  /** Whether an entry may map a page here. */
  canBeLeaf: boolean;
}

/** Makes random entries of one format of nested tables, most of which work. @internal */
export interface EntryMaker {
  levels: readonly NestedLevel[];
  /** Bits of an address that the format looks up. */
  width: number;
  /** Bits of a host-physical address that its entries can hold. */
  hostWidth(level: number): number;
  leaf(level: NestedLevel, target: bigint): bigint;
  pointer(level: NestedLevel, target: bigint): bigint;
}

/**
 * Entries in the format of a host's own tables.
 *
 * @param hasStacks - there are pages for supervisor shadow stacks: NX=1 and U/S=0
 * @internal
 */
export function nptEntries(
  random: Random,
  host: ReferenceMachine,
  mode: ReferenceMode,
  hasStacks: boolean,
): EntryMaker {
  const { maxPhyAddr, encryptionBit } = host.processor;
  const isWide = mode === '4-level' || mode === '5-level';
  const hasPse = (host.registers.cr4 & controlBits.cr4.pse) !== 0n;
  const hasXd = mode !== '32-bit' && (host.registers.efer & controlBits.efer.nxe) !== 0n;
  const encryption = encryptionBit === undefined || mode === '32-bit' ? 0n : 1n << BigInt(encryptionBit);
  const common = (reserved: readonly bigint[]) => {
    const allowing = rarelyNot(random, 1.5, 1n) | rarelyNot(random, 3, 2n) | rarelyNot(random, 2, 4n);
    const free = (random.uint64() & 0xe78n) | (isWide ? random.uint64() & (0x7ffn << 52n) : 0n);
    const xd = hasXd ? rarely(random, 6, 1n << 63n) : isWide ? rarely(random, 0.5, 1n << 63n) : 0n;
    return allowing | free | xd | (random.uint64() & encryption) | rarely(random, 1.5, random.pick(reserved));
  };
  const high = [1n << BigInt(Math.min(maxPhyAddr, 51)), 1n << 51n];
  const levels = levelsOf({ off: 0, '32-bit': 2, pae: 3, '4-level': 4, '5-level': 5 }[mode], mode === '32-bit');
  const canBeLeaf = (level: number) =>
    mode === '32-bit' ? hasPse && level === 2 : level === 2 || (level === 3 && isWide && host.processor.pdpe1gb);
  const isPointerOfPae = (level: number) => mode === 'pae' && level === 3;
  const inFormat = (level: number, entry: bigint) => {
    // A PDPTE has P, PWT, PCD, three free bits and an address.
    const kept = isPointerOfPae(level) && !random.chance(2) ? entry & ~(0x1e6n | (0xfffn << 52n)) : entry;
    return mode === '32-bit' ? BigInt.asUintN(32, kept) : kept;
  };
  return {
    levels: levels.map((level) => ({ ...level, canBeLeaf: canBeLeaf(level.level) })),
    width: { off: 32, '32-bit': 32, pae: 32, '4-level': 48, '5-level': 52 }[mode],
    hostWidth: () =>
      mode === '32-bit' ? 32 : encryptionBit === undefined ? maxPhyAddr : Math.min(maxPhyAddr, encryptionBit),
    leaf: ({ level }, target) => {
      const reserved = level === 1 ? high : [...high, 1n << 13n, 1n << 20n];
      const size = level === 1 ? random.uint64() & 0x80n : 0x80n | (random.uint64() & 0x1000n);
      const rights = common(mode === '32-bit' && level === 1 ? [0n] : reserved);
      const isStack = hasStacks && hasXd && random.chance(12);
      const given = isStack ? (rights & ~6n) | (1n << 63n) | rarely(random, 30, 2n) : rights;
      return inFormat(level, target | size | (random.uint64() & 0x100n) | given);
    },
    pointer: ({ level }, target) => {
      const reserved = level > 3 ? [...high, 0x80n, 0x100n] : high;
      return inFormat(level, target | common(reserved));
    },
  };
}

/** Entries of extended page tables. @internal */
export function eptEntries(random: Random, capabilities: ReferenceEpt['capabilities'], length: number): EntryMaker {
  const { maxPhyAddr } = capabilities;
  const ignored = () => {
    // 11 and 8 to 9, 52 to 57, 59, 61 to 63, and those that controls may give a meaning.
    const software = random.uint64() & 0xfff0_0000_0000_0f00n & ~(1n << 58n);
    return software | rarely(random, 50, 1n << 58n);
  };
  const rights = () => {
    if (random.chance(0.7)) {
      return 0n;
    }
    const executeOnly = random.chance(capabilities.executeOnly ? 12 : 0.5);
    const readable = executeOnly ? 0n : rarelyNot(random, 0.7, 1n) | rarelyNot(random, 5, 2n);
    return readable | (executeOnly ? 4n : rarelyNot(random, 8, 4n));
  };
  const high = 1n << BigInt(Math.min(maxPhyAddr, 51));
  return {
    levels: levelsOf(length, false).map((level) => ({
      ...level,
      canBeLeaf: level.level === 2 || (level.level === 3 && (capabilities.page1g || random.chance(10))),
    })),
    width: length === 4 ? 48 : 52,
    hostWidth: () => maxPhyAddr,
    leaf: ({ level }, target) => {
      const memoryType = random.chance(2) ? random.pick([2n, 3n, 7n]) : random.pick([0n, 1n, 4n, 5n, 6n]);
      const large =
        level === 1 ? random.uint64() & 0x80n : 0x80n | rarely(random, 3, random.pick([1n << 12n, 1n << 20n]));
      const reserved = maxPhyAddr < 52 ? rarely(random, 1, high) : 0n;
      return target | large | (memoryType << 3n) | (random.uint64() & 0x40n) | rights() | ignored() | reserved;
    },
    pointer: ({ level }, target) => {
      const reserved = [8n, 0x10n, 0x20n, 0x40n, ...(level > 3 ? [0x80n] : []), ...(maxPhyAddr < 52 ? [high] : [])];
      return target | rights() | ignored() | rarely(random, 1, random.pick(reserved));
    },
  };
}

/** From the top to 1. A nested address is as long as the format looks up; the PDPT of PAE has four entries. */
function levelsOf(top: number, isNarrow: boolean): NestedLevel[] {
  return Array.from({ length: top }, (_, depth) => ({
    level: top - depth,
    shift: BigInt(12 + (top - depth - 1) * (isNarrow ? 10 : 9)),
    size: isNarrow ? 4 : 8,
    canBeLeaf: false,
  }));
}

function rarely(random: Random, percent: number, bits: bigint): bigint {
  return random.chance(percent) ? bits : 0n;
}

function rarelyNot(random: Random, percent: number, bits: bigint): bigint {
  return random.chance(percent) ? 0n : bits;
}
