import { LinuxDataError } from '../errors.ts';

/** A name of an address. @public */
export interface LinuxSymbol {
  readonly name: string;
  readonly address: bigint;
  /** As nm and /proc/kallsyms have it: `T`, `t`, `D`, `r`, …. */
  readonly type: string;
  /** The module that it belongs to; null for the kernel itself. */
  readonly module: string | null;
}

/** A symbol that an address lies in. @public */
export interface SymbolPlace {
  readonly symbol: LinuxSymbol;
  /** From the symbol's address on. */
  readonly offsetBytes: number;
  /** Up to the next symbol. */
  readonly sizeBytes: number;
}

/** A table in columns, in the order of its origin. @internal */
export interface SymbolColumns {
  readonly addresses: BigUint64Array;
  /** A character code for each symbol. */
  readonly types: Uint8Array;
  /** All names, each with a NUL at its end. */
  readonly names: Uint8Array;
  /** Where each name starts; one more for the end of the last. */
  readonly starts: Uint32Array;
}

/** A piece of memory, `end` exclusive. @public */
export interface AddressRange {
  readonly first: bigint;
  readonly end: bigint;
}

const NUL_BYTES = 1;
/** Names are read byte by byte, as Latin-1: what a kernel calls its symbols is ASCII. */
const DECODED_AT_ONCE = 4096;

/**
 * Symbols by address and by name, wherever they come from: guest memory, an ELF file, System.map, a saved /proc/kallsyms. Columns
 * and no objects, as a kernel has a hundred thousand and more.
 *
 * @public
 */
export class SymbolTable {
  readonly module: string | null;
  /** @internal */
  readonly columns: SymbolColumns;
  /** The lowest address that lies in any symbol: below it are the offsets of per-CPU variables, which name no address. */
  readonly lowest: bigint;
  #sorted: Uint32Array | undefined;
  #buckets: Int32Array | undefined;

  /**
   * @internal
   * @param lowest - see {@link SymbolTable.lowest}
   * @throws LinuxDataError `ERR_LINUX_DATA` where the columns do not fit each other.
   */
  constructor(
    columns: SymbolColumns,
    { module = null, lowest = 0n }: { module?: string | null; lowest?: bigint } = {},
  ) {
    const { addresses, types, names, starts } = columns;
    const count = addresses.length;
    const isWhole = types.length === count && starts.length === count + 1 && isAscending(starts, names.length);
    if (!isWhole) throw new LinuxDataError('the symbol table', 'its columns do not fit each other');
    this.columns = columns;
    this.module = module;
    this.lowest = lowest;
  }

  get length(): number {
    return this.columns.addresses.length;
  }

  /** The symbol at a place of the table. */
  at(index: number): LinuxSymbol {
    const { addresses, types } = this.columns;
    return {
      name: this.nameAt(index),
      address: addresses[index] ?? 0n,
      type: String.fromCharCode(types[index] ?? 0),
      module: this.module,
    };
  }

  nameAt(index: number): string {
    const { names, starts } = this.columns;
    return decodeBytes(names, starts[index] ?? 0, (starts[index + 1] ?? 0) - NUL_BYTES);
  }

  *[Symbol.iterator](): Generator<LinuxSymbol> {
    for (let index = 0; index < this.length; index += 1) yield this.at(index);
  }

  /** Every symbol of a name, in the order of the table. */
  find(name: string): LinuxSymbol[] {
    const wanted = Uint8Array.from(name, (character) => character.charCodeAt(0));
    const buckets = this.#hash();
    const found: number[] = [];
    const mask = buckets.length - 1;
    for (let slot = hashOf(wanted, 0, wanted.length) & mask; buckets[slot] !== 0; slot = (slot + 1) & mask) {
      const index = (buckets[slot] as number) - 1;
      if (this.#isNamed(index, wanted)) found.push(index);
    }
    return found.sort((one, other) => one - other).map((index) => this.at(index));
  }

  /** The address of the first symbol of a name. */
  addressOf(name: string): bigint | undefined {
    return this.find(name)[0]?.address;
  }

  /**
   * The symbol that an address lies in; of several at one address the first of the table, as kernels print it.
   *
   * @param range - the piece of memory that the address lies in: no symbol of another piece is its own
   */
  nearest(address: bigint, range?: AddressRange): SymbolPlace | null {
    const lowest = range?.first ?? this.lowest;
    if (address < lowest) return null;
    const sorted = this.#byAddress();
    const { addresses } = this.columns;
    const valueAt = (rank: number): bigint => addresses[sorted[rank] ?? 0] ?? 0n;
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (valueAt(middle) <= address) low = middle + 1;
      else high = middle;
    }
    // What is behind the last symbol is in none: nothing says where that one ends.
    const start = low === 0 ? -1n : valueAt(low - 1);
    const next = low === sorted.length ? undefined : valueAt(low);
    const end = range === undefined ? next : lower(next ?? range.end, range.end);
    if (start < lowest || end === undefined) return null;
    let first = low - 1;
    while (first > 0 && valueAt(first - 1) === start) first -= 1;
    return {
      symbol: this.at(sorted[first] ?? 0),
      offsetBytes: Number(address - start),
      sizeBytes: Number(end - start),
    };
  }

  #isNamed(index: number, wanted: Uint8Array): boolean {
    const { names, starts } = this.columns;
    const start = starts[index] ?? 0;
    if ((starts[index + 1] ?? 0) - NUL_BYTES - start !== wanted.length) return false;
    return wanted.every((byte, at) => names[start + at] === byte);
  }

  /** Indices by address, and by index where addresses are the same. */
  #byAddress(): Uint32Array {
    if (this.#sorted !== undefined) return this.#sorted;
    const { addresses } = this.columns;
    const sorted = Uint32Array.from({ length: this.length }, (_, index) => index);
    const compare = (one: number, other: number): number => {
      const [first, second] = [addresses[one] ?? 0n, addresses[other] ?? 0n];
      return first < second ? -1 : first > second ? 1 : one - other;
    };
    // A kernel's own table is in order; sorting it again would take longer than everything else.
    const isSorted = sorted.every((index) => index === 0 || compare(index - 1, index) < 0);
    this.#sorted = isSorted ? sorted : sorted.sort(compare);
    return this.#sorted;
  }

  /** Indices plus one by the hash of their names, 0 for free: at least half is free, so that each search ends. */
  #hash(): Int32Array {
    if (this.#buckets !== undefined) return this.#buckets;
    const { names, starts } = this.columns;
    const buckets = new Int32Array(2 ** Math.ceil(Math.log2(2 * this.length + 2)));
    const mask = buckets.length - 1;
    for (let index = 0; index < this.length; index += 1) {
      let slot = hashOf(names, starts[index] as number, (starts[index + 1] as number) - NUL_BYTES) & mask;
      while (buckets[slot] !== 0) slot = (slot + 1) & mask;
      buckets[slot] = index + 1;
    }
    this.#buckets = buckets;
    return buckets;
  }
}

function lower(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

/** FNV-1a: a few instructions a byte. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return hash ^ (hash >>> 15);
}

function isAscending(starts: Uint32Array, end: number): boolean {
  if (starts[0] !== 0 || starts.at(-1) !== end) return false;
  for (let at = 1; at < starts.length; at += 1) if ((starts[at] as number) <= (starts[at - 1] as number)) return false;
  return true;
}

/** @internal */
export function decodeBytes(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; at += DECODED_AT_ONCE) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(to, at + DECODED_AT_ONCE)));
  }
  return text;
}

/** The text up to a NUL, or up to the end. @internal */
export function decodeText(bytes: Uint8Array, from = 0, to = bytes.length): string {
  const end = bytes.subarray(from, to).indexOf(0);
  return decodeBytes(bytes, from, end < 0 ? to : from + end);
}
