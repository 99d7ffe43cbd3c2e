import type { Random } from '../../support/random/random.ts';
import { EntryBits, type EntryOdds } from '../processor-rig/entry-bits.ts';
import { ARENA_OFFSET } from '../processor-rig/layout.ts';
import { TableAllocator } from '../processor-rig/memory/table-allocator.ts';
import type { PagedMode } from '../processor-rig/paged-mode.ts';
import { randomNowhere } from '../processor-rig/random/random-nowhere.ts';
import type { GuestMemory } from './guest-memory.ts';
import { TABLES_HALF_BYTES, TABLES_OFFSET, WINDOW_PDPT, WINDOW_PML4, WINDOW_PT } from './layout.ts';
import type { ProbeMachine } from './machine.ts';

const PAGE = 4096;
const TWO_32 = 0x1_0000_0000;
const ROOTS = 4;
const TABLES_PER_LEVEL = 6;
/** P, RW, US, A, D: with A preset, running the kernel changes no entry that leads to its window. */
const WINDOW_FLAGS = 0x67;

const topLevels: Readonly<Record<PagedMode, number>> = { '32-bit': 2, pae: 3, '4-level': 4, '5-level': 5 };

const odds: EntryOdds = { present: 97, writable: 86, user: 86, executeDisable: 8, strayBit: 5, reservedBit: 2 };

/**
 * Some tables for each level, every entry of them random: any linear address leads through them. Mostly an entry is one that
 * works, here and there it has each thing that does not.
 */
export class TablePool {
  /** Physical addresses of the roots. */
  readonly roots: readonly number[];
  readonly #random: Random;
  readonly #machine: ProbeMachine;
  readonly #memory: GuestMemory;
  readonly #tables = new Map<number, number[]>();
  /** PAE: directories with the window's table in them, for the last of the four PDPTEs. */
  #lastDirectories: readonly number[] = [];
  readonly #allocator: TableAllocator;
  readonly #entry: EntryBits;

  /** Empties one half of the table memory and fills it anew. */
  constructor(random: Random, machine: ProbeMachine, memory: GuestMemory, half: 0 | 1) {
    this.#random = random;
    this.#machine = machine;
    this.#memory = memory;
    memory.tablesHalf = half;
    memory.vitalUnits.clear();
    const start = TABLES_OFFSET + half * TABLES_HALF_BYTES;
    for (const { bytes } of memory.arenas) bytes.fill(0, start, start + TABLES_HALF_BYTES);
    this.#allocator = new TableAllocator(random, memory, { start, bytes: TABLES_HALF_BYTES });
    this.#entry = new EntryBits(random, machine.maxPhyAddr, odds);
    const top = topLevels[machine.mode];
    for (let level = top; level >= 1; level--) this.#allocateLevel(level, level === top);
    if (machine.mode === 'pae')
      this.#lastDirectories = [this.#allocator.allocate(false), this.#allocator.allocate(false)];
    for (const [level, tables] of this.#tables) for (const table of tables) this.#fillTable(table, level);
    for (const table of this.#lastDirectories) this.#fillTable(table, 2);
    const roots = this.#tables.get(top) ?? [];
    for (const root of roots) this.#linkWindow(root);
    for (const table of this.#lastDirectories) this.#putVital(table + 511 * 8, WINDOW_PT);
    this.roots = machine.mode === 'pae' ? roots.map((root) => root + 32 * random.below(128)) : roots;
  }

  #allocateLevel(level: number, isRoot: boolean): void {
    // CR3 has 32 bits in these modes, and 4-byte entries lead no further.
    const isLow = this.#machine.mode === '32-bit' || (isRoot && this.#machine.mode === 'pae');
    const count = isRoot ? ROOTS : TABLES_PER_LEVEL;
    this.#tables.set(
      level,
      Array.from({ length: count }, () => this.#allocator.allocate(isLow)),
    );
  }

  /** The last entry of a root leads to the kernel's window. In PAE mode that is in the last directory instead. */
  #linkWindow(root: number): void {
    const { mode } = this.#machine;
    if (mode === '32-bit') this.#putVital(root + 1023 * 4, WINDOW_PT);
    if (mode === '4-level') this.#putVital(root + 511 * 8, WINDOW_PDPT);
    if (mode === '5-level') this.#putVital(root + 511 * 8, WINDOW_PML4);
  }

  #putVital(address: number, table: number): void {
    this.#memory.put(address, table + WINDOW_FLAGS, this.#machine.mode === '32-bit' ? null : 0, true);
  }

  #fillTable(table: number, level: number): void {
    const { mode } = this.#machine;
    const entry = this.#entry;
    const size = mode === '32-bit' ? 4 : 8;
    for (let index = 0; index < PAGE / size; index++) {
      const isPointer = mode === 'pae' && level === 3;
      const isLast = isPointer && index % 4 === 3;
      if (isPointer) this.#makePdpte(isLast);
      else if (mode === '32-bit') this.#makeEntry32(level);
      else this.#makeEntry64(level);
      this.#memory.put(table + index * size, entry.low, size === 8 ? entry.high : null, isLast);
    }
  }

  #makeEntry32(level: number): void {
    const random = this.#random;
    const entry = this.#entry;
    const isLarge = level === 2 && random.chance(40);
    if (isLarge) {
      const target = this.#largePage(0x40_0000);
      entry.low =
        entry.flags() | 0x80 | target | ((Math.floor(target / TWO_32) & 0xff) << 13) | entry.maybe(50, 0x1000);
      // Bit 21 is no address bit on any processor; the bits below it are on some.
      if (random.chance(4)) entry.flip(21);
      if (random.chance(4)) entry.flip(random.between(13, 20));
    } else {
      const free = level === 1 ? entry.maybe(50, 0x80) : entry.maybe(3, 0x80);
      entry.low = entry.flags() | free | this.#target(level, true);
    }
    entry.disturb32();
  }

  /**
   * TCG looks at few of a PDPTE's bits. The last one must lead to the window whatever happens, and has the bit that TCG takes
   * for A already, as the kernel uses it all the time.
   */
  #makePdpte(isLast: boolean): void {
    const random = this.#random;
    const entry = this.#entry;
    const target = isLast ? random.pick(this.#lastDirectories) : this.#target(3, false);
    entry.low = target | (random.uint32() & 0xffe) | (isLast ? 0x21 : entry.maybe(odds.present, 1));
    entry.high = Math.floor(target / TWO_32);
    if (!isLast) entry.disturb64(3);
  }

  #makeEntry64(level: number): void {
    const random = this.#random;
    const entry = this.#entry;
    const isLong = this.#machine.mode !== 'pae';
    const isLarge = (level === 2 && random.chance(25)) || (level === 3 && random.chance(12));
    const pageBytes = level === 3 ? 0x4000_0000 : 0x20_0000;
    const target = isLarge ? this.#largePage(pageBytes) : this.#target(level, false);
    const bit7 = isLarge ? 0x80 : level === 1 ? entry.maybe(50, 0x80) : 0;
    entry.low = entry.flags() | bit7 | target | (isLarge ? entry.maybe(50, 0x1000) : 0);
    const free = isLong && random.chance(50) ? random.uint32() & 0x7ff0_0000 : 0;
    const key = isLong && random.chance(30) ? random.uint32() & 0x7800_0000 : 0;
    entry.high = Math.floor(target / TWO_32) | free | key | entry.executeDisable();
    if (isLarge && random.chance(6)) entry.flip(random.between(13, level === 3 ? 29 : 20));
    entry.disturb64(level);
  }

  /** Where an entry leads that maps no large page: to a table of the next level, rarely to any table, or to no memory. */
  #target(level: number, is32Bit: boolean): number {
    const random = this.#random;
    const next = this.#tables.get(level - 1);
    if (random.chance(2)) return this.#nowhere(PAGE, is32Bit);
    if (random.chance(2)) {
      const any = random.pick(random.pick([...this.#tables.values()]));
      return is32Bit && any >= TWO_32 ? random.pick(this.#tables.get(1) ?? []) : any;
    }
    return next === undefined ? this.#page(PAGE, TABLES_OFFSET, is32Bit) : random.pick(next);
  }

  #largePage(bytes: number): number {
    return this.#random.chance(15) ? this.#nowhere(bytes, false) : this.#page(bytes, TABLES_OFFSET, false);
  }

  /**
   * A page of the test's memory. One of 1 GiB begins where the high memory does, as at 0 the kernel would be in it; where
   * there is none it leads to nothing.
   */
  #page(bytes: number, span: number, is32Bit: boolean): number {
    const { arenas, highBase } = this.#memory;
    if (bytes > span) return highBase ?? this.#nowhere(bytes, false);
    const arena = is32Bit ? arenas[0] : this.#random.pick(arenas);
    return (arena?.base ?? ARENA_OFFSET) + bytes * this.#random.below(span / bytes);
  }

  /** A physical address where nothing is. */
  #nowhere(bytes: number, is32Bit: boolean): number {
    return randomNowhere(this.#random, this.#machine, { bytes, is32Bit, highBase: this.#memory.highBase });
  }
}
