import type { Random } from '../../../support/random/random.ts';
import type { EntryOdds } from '../../processor-rig/entry-bits.ts';
import { TableAllocator } from '../../processor-rig/memory/table-allocator.ts';
import { randomNowhere } from '../../processor-rig/random/random-nowhere.ts';
import { FRAMES_BYTES, NESTED_BYTES, NESTED_PT, NESTED_PT_32 } from '../layout.ts';
import type { SvmMachine } from '../machine.ts';
import { randomFrame } from './frames.ts';
import type { HostMemory } from './host-memory.ts';
import { RandomEntry } from './random-entry.ts';
import { isPointerTable, type TableFormat, tableFormats, windowFlags } from './table-format.ts';

const PAGE = 4096;
const TWO_32 = 0x1_0000_0000;
const ROOTS = 3;
const TABLES_PER_LEVEL = 5;
const KINDS = 8;

/**
 * Some nested tables for each level, every entry of them random: any guest-physical address leads through them, and mostly to a
 * frame of its kind. The first entry of each table, and of each root, leads to the guest's window.
 */
export class NestedTables {
  /** Host-physical addresses of the roots. */
  readonly roots: readonly number[];
  readonly #random: Random;
  readonly #machine: SvmMachine;
  readonly #memory: HostMemory;
  readonly #format: TableFormat;
  readonly #entry: RandomEntry;
  readonly #tables = new Map<number, readonly number[]>();
  /** A page may lead into the nested tables themselves. */
  readonly #mayLoop: boolean;

  constructor(
    random: Random,
    machine: SvmMachine,
    memory: HostMemory,
    { odds, mayLoop }: { readonly odds: EntryOdds; readonly mayLoop: boolean },
  ) {
    this.#random = random;
    this.#machine = machine;
    this.#memory = memory;
    this.#mayLoop = mayLoop;
    this.#format = tableFormats[machine.hostMode];
    this.#entry = new RandomEntry(random, machine.hostMode, machine.maxPhyAddr, odds);
    const allocator = new TableAllocator(random, memory, { start: FRAMES_BYTES, bytes: NESTED_BYTES });
    for (let level = this.#format.top; level >= 1; level--) {
      const count = level === this.#format.top ? ROOTS : TABLES_PER_LEVEL;
      this.#tables.set(
        level,
        Array.from({ length: count }, () => allocator.allocate(this.#isLow(level))),
      );
    }
    for (const [level, tables] of this.#tables) for (const table of tables) this.#fill(table, level);
    const roots = this.#tables.get(this.#format.top) ?? [];
    this.roots = machine.hostMode === 'pae' ? roots.map((root) => root + 32 * random.below(128)) : roots;
  }

  /** The nested CR3 of a hypervisor in a legacy mode has 32 bits, and 4-byte entries lead no further. */
  #isLow(level: number): boolean {
    const { hostMode } = this.#machine;
    return hostMode === '32-bit' || isPointerTable(hostMode, level);
  }

  #fill(table: number, level: number): void {
    const { entries, entryBytes } = this.#format;
    const rootEntries = isPointerTable(this.#machine.hostMode, level) ? 4 : entries;
    for (let index = 0; index < entries; index++) {
      const address = table + index * entryBytes;
      if (level > 1 && index % rootEntries === 0) this.#putWindowEntry(address, level);
      else this.#putRandomEntry(address, level, index);
    }
  }

  #putWindowEntry(address: number, level: number): void {
    const { hostMode } = this.#machine;
    const last = hostMode === '32-bit' ? NESTED_PT_32 : NESTED_PT;
    const target = level === 2 ? last : this.#random.pick(this.#tables.get(level - 1) ?? []);
    const high = hostMode === '32-bit' ? null : Math.floor(target / TWO_32);
    this.#memory.put(address, target | windowFlags(hostMode, level), high, true);
  }

  #putRandomEntry(address: number, level: number, index: number): void {
    const entry = this.#entry;
    const { hostMode } = this.#machine;
    const large = this.#format.largePages[level];
    if (isPointerTable(hostMode, level)) entry.makePointer(this.#target(level, index));
    else if (large !== undefined && this.#random.chance(level === 2 ? 20 : 6))
      entry.makeLarge(level, this.#largePage(large));
    else entry.makeSmall(level, this.#target(level, index));
    this.#memory.put(address, entry.low, hostMode === '32-bit' ? null : entry.high);
  }

  /** To a table of the next level or a frame of the index's kind; rarely to any table, any frame, or to no memory. */
  #target(level: number, index: number): number {
    const random = this.#random;
    const is32Bit = this.#machine.hostMode === '32-bit';
    if (random.chance(0.5)) return this.#nowhere(PAGE, is32Bit);
    if (this.#mayLoop && random.chance(0.5)) return random.pick(random.pick([...this.#tables.values()]));
    if (level > 1) return random.pick(this.#tables.get(level - 1) ?? []);
    const kind = random.chance(1) ? random.below(KINDS) : index % KINDS;
    return randomFrame(random, this.#memory, kind, is32Bit);
  }

  /** One of 1 GiB begins where the high memory does, as at 0 the kernel would be in it. */
  #largePage(bytes: number): number {
    const { arenas, highBase } = this.#memory;
    if (this.#random.chance(8)) return this.#nowhere(bytes, false);
    if (bytes > FRAMES_BYTES) return highBase ?? this.#nowhere(bytes, false);
    const base = this.#random.pick(arenas).base;
    return base + bytes * this.#random.below(FRAMES_BYTES / bytes);
  }

  /** A physical address where nothing is. */
  #nowhere(bytes: number, is32Bit: boolean): number {
    const { hostMode: mode, maxPhyAddr } = this.#machine;
    return randomNowhere(this.#random, { mode, maxPhyAddr }, { bytes, is32Bit, highBase: this.#memory.highBase });
  }
}
