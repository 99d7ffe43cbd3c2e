import { SparseMemory } from './sparse-memory.ts';

/** The formats that have tables; without paging there is nothing to build. @internal */
export type TableMode = '32-bit' | 'pae' | '4-level' | '5-level';

/** What one entry says beside its address. Everything allowed is the default. @internal */
export interface EntryFlags {
  present?: boolean;
  write?: boolean;
  user?: boolean;
  noExecute?: boolean;
  accessed?: boolean;
  dirty?: boolean;
  /** Further bits to set as they are, reserved ones too. */
  extra?: bigint;
}

/** How to map one page. @internal */
export interface MapOptions {
  /** Bytes: 4 KiB, or 4 MiB in 32-bit mode, 2 MiB elsewhere, 1 GiB with four or five levels. */
  size?: number;
  /** Flags of the entry at each level, 5 (PML5E) to 1 (PTE). A level left out allows everything. */
  levels?: Readonly<Record<number, EntryFlags>>;
  /** Protection key of the leaf, 0 to 15. */
  key?: number;
}

interface LevelFormat {
  level: number;
  /** Lowest bit of the linear address that this level's index takes. */
  shift: bigint;
  indexBits: bigint;
}

const longLevels: readonly LevelFormat[] = [
  { level: 5, shift: 48n, indexBits: 9n },
  { level: 4, shift: 39n, indexBits: 9n },
  { level: 3, shift: 30n, indexBits: 9n },
  { level: 2, shift: 21n, indexBits: 9n },
  { level: 1, shift: 12n, indexBits: 9n },
];

const formats: Readonly<Record<TableMode, readonly LevelFormat[]>> = {
  '32-bit': [
    { level: 2, shift: 22n, indexBits: 10n },
    { level: 1, shift: 12n, indexBits: 10n },
  ],
  pae: [
    { level: 3, shift: 30n, indexBits: 2n },
    { level: 2, shift: 21n, indexBits: 9n },
    { level: 1, shift: 12n, indexBits: 9n },
  ],
  '4-level': longLevels.slice(1),
  '5-level': longLevels,
};

const tableAddressMask = 0xf_ffff_ffff_f000n;

/**
 * Builds page tables of any mode in a sparse physical memory.
 *
 * It knows only how to lay entries down (SDM vol. 3A, "Paging", tables of entry formats), nothing of the code under
 * test, so that the two cannot share a mistake. Tables are allocated upwards from `firstTable` as maps need them.
 *
 * @internal
 */
export class TableBuilder {
  readonly mode: TableMode;
  readonly memory: SparseMemory;
  readonly entrySizeBytes: 4 | 8;
  /** Physical address of the top table, as CR3 holds it. */
  readonly root: bigint;
  readonly #tables: bigint[] = [];
  #nextTable: bigint;

  constructor(mode: TableMode, firstTable = 0x1000n, memory = new SparseMemory()) {
    this.mode = mode;
    this.memory = memory;
    this.entrySizeBytes = mode === '32-bit' ? 4 : 8;
    this.#nextTable = firstTable;
    this.root = this.allocateTable();
  }

  /** The levels of this mode, top first. */
  get levels(): readonly number[] {
    return formats[this.mode].map((format) => format.level);
  }

  /** Maps the page at `linear` to `physical`, and makes the tables on the way that are missing. */
  map(linear: bigint, physical: bigint, options: MapOptions = {}): void {
    const leaf = leafLevel(this.mode, options.size ?? 4096);
    let table = this.root;
    for (const format of formats[this.mode]) {
      const address = this.#slot(table, format, linear);
      const flags = options.levels?.[format.level] ?? {};
      if (format.level === leaf) {
        this.poke(address, this.#leafEntry(format.level, physical, flags, options.key ?? 0));
        return;
      }
      table = this.#descend(address, format.level, flags);
    }
  }

  /** Physical address of the entry that `level` uses for `linear`, following the tables built so far. */
  entryAddress(linear: bigint, level: number): bigint {
    let table = this.root;
    for (const format of formats[this.mode]) {
      const address = this.#slot(table, format, linear);
      if (format.level === level) {
        return address;
      }
      table = this.peek(address) & tableAddressMask;
    }
    throw new RangeError(`${this.mode} tables have no level ${level}`);
  }

  /** The raw entry at a physical address. */
  peek(address: bigint): bigint {
    return this.memory.peek(address, this.entrySizeBytes);
  }

  /** Overwrites the raw entry at a physical address. */
  poke(address: bigint, entry: bigint): void {
    this.memory.poke(address, this.entrySizeBytes, entry);
  }

  /** Changes the entry that `level` uses for `linear`: first clears, then sets. */
  edit(linear: bigint, level: number, change: { clear?: bigint; set?: bigint }): void {
    const address = this.entryAddress(linear, level);
    this.poke(address, (this.peek(address) & ~(change.clear ?? 0n)) | (change.set ?? 0n));
  }

  /** Adds an empty table in memory of its own and returns its physical address. */
  allocateTable(): bigint {
    const table = this.#nextTable;
    this.#nextTable += 0x1000n;
    this.memory.addPage(table);
    this.#tables.push(table);
    return table;
  }

  /** Every address at which one of the tables has an entry: a walk may read these and nothing else. */
  isEntryAddress(address: bigint): boolean {
    const inTable = this.#tables.includes(address & ~0xfffn);
    return inTable && address % BigInt(this.entrySizeBytes) === 0n;
  }

  #slot(table: bigint, format: LevelFormat, linear: bigint): bigint {
    const index = (linear >> format.shift) & ((1n << format.indexBits) - 1n);
    return table + index * BigInt(this.entrySizeBytes);
  }

  #descend(address: bigint, level: number, flags: EntryFlags): bigint {
    const existing = this.peek(address);
    const table = existing === 0n ? this.allocateTable() : existing & tableAddressMask;
    // A PAE PDPTE has no R/W, U/S or XD; setting them would be setting reserved bits (SDM table "Format of a PAE PDPTE").
    const bits = this.#isPaePointer(level) ? pointerBits(flags) : flagBits(flags);
    this.poke(address, table | bits);
    return table;
  }

  #leafEntry(level: number, physical: bigint, flags: EntryFlags, key: number): bigint {
    const pageSizeBit = level > 1 ? 0x80n : 0n;
    return this.#leafAddressBits(level, physical) | pageSizeBit | flagBits(flags) | (BigInt(key) << 59n);
  }

  #leafAddressBits(level: number, physical: bigint): bigint {
    if (this.mode === '32-bit' && level === 2) {
      // PSE-36 puts physical address bits 39:32 into bits 20:13 of the entry.
      return (physical & 0xffc0_0000n) | (((physical >> 32n) & 0xffn) << 13n);
    }
    return physical;
  }

  #isPaePointer(level: number): boolean {
    return this.mode === 'pae' && level === 3;
  }
}

function leafLevel(mode: TableMode, size: number): number {
  const large = mode === '32-bit' ? 0x40_0000 : 0x20_0000;
  if (size === 4096) {
    return 1;
  }
  if (size === large) {
    return 2;
  }
  if (size === 0x4000_0000 && (mode === '4-level' || mode === '5-level')) {
    return 3;
  }
  throw new RangeError(`${mode} paging has no pages of ${size} bytes`);
}

function flagBits(flags: EntryFlags): bigint {
  return (
    pointerBits(flags) |
    bitIf(flags.write ?? true, 1n) |
    bitIf(flags.user ?? true, 2n) |
    bitIf(flags.accessed ?? false, 5n) |
    bitIf(flags.dirty ?? false, 6n) |
    bitIf(flags.noExecute ?? false, 63n)
  );
}

function pointerBits(flags: EntryFlags): bigint {
  return bitIf(flags.present ?? true, 0n) | (flags.extra ?? 0n);
}

function bitIf(condition: boolean, position: bigint): bigint {
  return condition ? 1n << position : 0n;
}
