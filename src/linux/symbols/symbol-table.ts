import { LinuxDataError } from '../errors.ts';
import { decodeBytes, encodeText } from '../memory/latin-text.ts';

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
  #byName: NameIndex | undefined;

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
    const wanted = encodeText(name);
    const { firsts, nexts } = this.#indexNames();
    const found: LinuxSymbol[] = [];
    const bucket = hashOf(wanted, 0, wanted.length) & (firsts.length - 1);
    for (let number = firsts[bucket] as number; number !== 0; number = nexts[number - 1] as number) {
      if (this.#isNamed(number - 1, wanted)) found.push(this.at(number - 1));
    }
    return found;
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
    const countUpTo = (highest: bigint): number => {
      let low = 0;
      let high = sorted.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (valueAt(middle) <= highest) low = middle + 1;
        else high = middle;
      }
      return low;
    };
    const count = countUpTo(address);
    // What is behind the last symbol is in none: nothing says where that one ends.
    const start = count === 0 ? -1n : valueAt(count - 1);
    const next = count === sorted.length ? undefined : valueAt(count);
    const end = range === undefined ? next : lower(next ?? range.end, range.end);
    if (start < lowest || end === undefined) return null;
    return {
      symbol: this.at(sorted[countUpTo(start - 1n)] ?? 0),
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

  /**
   * Chains of names with the same hash, in the order of the table. A kernel may have one name ten thousand times over, and a table
   * that was made to mislead has nothing else: building takes as long for that.
   */
  #indexNames(): NameIndex {
    if (this.#byName !== undefined) return this.#byName;
    const { names, starts } = this.columns;
    const firsts = new Int32Array(2 ** Math.ceil(Math.log2(this.length + 1)));
    const nexts = new Int32Array(this.length);
    for (let index = this.length - 1; index >= 0; index -= 1) {
      const end = (starts[index + 1] as number) - NUL_BYTES;
      const bucket = hashOf(names, starts[index] as number, end) & (firsts.length - 1);
      nexts[index] = firsts[bucket] as number;
      firsts[bucket] = index + 1;
    }
    this.#byName = { firsts, nexts };
    return this.#byName;
  }
}

/** Numbers of symbols, which are indices plus one; 0 ends a chain. */
interface NameIndex {
  /** By the hash of a name. */
  readonly firsts: Int32Array;
  /** By the index of the symbol before. */
  readonly nexts: Int32Array;
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
