import { SparseMemory } from '../builders/sparse-memory.ts';
import type { Random } from './random.ts';

const pageSize = 0x1000n;
const entriesPerTable = 512;
/** Present, writable, for users: a way down that takes nothing away. */
const open = 7n;

/** Addresses that share a root, each through an entry of its own. @internal */
export interface FuzzCall {
  readonly root: bigint;
  readonly linear: readonly bigint[];
}

/**
 * Four-level tables in which every entry of one level is random: thousands of random entries can then be walked in one batch,
 * each by an address of its own, instead of one random entry after the other in the same place.
 *
 * @internal
 */
export class FuzzTables {
  readonly memory = new SparseMemory();
  readonly #random: Random;
  #nextPage: bigint;

  constructor(random: Random, firstPage: bigint) {
    this.#random = random;
    this.#nextPage = firstPage;
  }

  /** A page of random entries that no way down leads to on purpose. */
  addPage(makeEntry: () => bigint): void {
    this.#fillTable(entriesPerTable, makeEntry);
  }

  /** `count` random entries at one level, and the addresses that lead through them. */
  addEntries(level: number, count: number, makeEntry: () => bigint): FuzzCall[] {
    const tables: { address: bigint; slots: number }[] = [];
    for (let made = 0; made < count; made += entriesPerTable) {
      const slots = Math.min(entriesPerTable, count - made);
      tables.push({ address: this.#fillTable(slots, makeEntry), slots });
    }
    if (level === 4) {
      return tables.map(({ address, slots }) => ({ root: address, linear: this.#addresses(level, 0, slots) }));
    }
    const root = this.#linkFromAbove(
      level,
      tables.map(({ address }) => address),
    );
    return [{ root, linear: tables.flatMap(({ slots }, table) => this.#addresses(level, table, slots)) }];
  }

  /** A root from which slot 0 of each level leads down to a table whose slots lead to `tables`. */
  #linkFromAbove(level: number, tables: readonly bigint[]): bigint {
    let below = tables;
    for (let above = level + 1; above <= 4; above += 1) {
      const entries = [...below];
      below = [this.#fillTable(entries.length, () => (entries.shift() ?? 0n) | open)];
    }
    return below[0] ?? 0n;
  }

  #fillTable(slots: number, makeEntry: () => bigint): bigint {
    const table = this.#nextPage;
    this.#nextPage += pageSize;
    this.memory.addPage(table);
    for (let slot = 0; slot < slots; slot += 1) this.memory.poke(table + BigInt(slot * 8), 8, makeEntry());
    return table;
  }

  #addresses(level: number, table: number, slots: number): bigint[] {
    const shift = BigInt(12 + 9 * (level - 1));
    return Array.from({ length: slots }, (_, slot) => {
      const below = this.#random.uint64() & ((1n << shift) - 1n);
      const address = below | (BigInt(slot) << shift) | (BigInt(table) << (shift + 9n));
      return BigInt.asUintN(64, BigInt.asIntN(48, address));
    });
  }
}
