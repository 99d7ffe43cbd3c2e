import type { SparseMemory } from './sparse-memory.ts';

/** Bits of an EPT entry, and write-back as the memory type of leaves. */
export const EPT = { read: 1n, write: 2n, exec: 4n, open: 7n, writeBack: 0x30n, userExec: 0x400n } as const;

const SHIFTS = [39n, 30n, 21n, 12n] as const;
const ADDRESS = 0xf_ffff_ffff_f000n;
const SIZE_BIT = 0x80n;

/** Builds 4-level EPT in a host's memory, tables upwards from an address on. Everything above leaves is open. */
export class EptBuilder {
  readonly root: bigint;
  readonly #memory: SparseMemory;
  #nextTable: bigint;

  constructor(memory: SparseMemory, firstTable = 0x8_0000_0000n) {
    this.#memory = memory;
    this.#nextTable = firstTable;
    this.root = this.#allocate();
  }

  /** An EPT pointer to the tables: write-back, four levels, without A and D flags. */
  get eptp(): bigint {
    return this.root | 0x1en;
  }

  /** Maps a page of 2^12, 2^21 or 2^30 bytes. */
  map(guestPhysical: bigint, host: bigint, { shift = 12n, rights = EPT.open as bigint } = {}): void {
    const address = this.entryAddress(guestPhysical, shift, true);
    this.poke(address, host | rights | EPT.writeBack | (shift > 12n ? SIZE_BIT : 0n));
  }

  poke(address: bigint, entry: bigint): void {
    this.#memory.poke(address, 8, entry);
  }

  /** Where the entry of a level is that a guest physical address uses. */
  entryAddress(guestPhysical: bigint, shift: bigint, makesTables = false): bigint {
    let table = this.root;
    for (const each of SHIFTS) {
      const address = table + ((guestPhysical >> each) & 0x1ffn) * 8n;
      if (each === shift) return address;
      if (makesTables && this.#memory.peek(address, 8) === 0n) this.poke(address, this.#allocate() | EPT.open);
      table = this.#memory.peek(address, 8) & ADDRESS;
    }
    throw new RangeError(`EPT has no entries for 2^${shift} bytes`);
  }

  #allocate(): bigint {
    const table = this.#nextTable;
    this.#nextTable += 0x1000n;
    this.#memory.addPage(table);
    return table;
  }
}
