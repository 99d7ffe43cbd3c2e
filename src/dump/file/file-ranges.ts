import { formatHex } from '../../paging/index.ts';
import { DumpFormatError } from '../errors.ts';
import { type ByteSource, requireInside } from './byte-source.ts';

/** Guest physical addresses, both inclusive. @internal */
export interface PhysicalSpan {
  readonly first: number;
  readonly last: number;
}

/** Bytes of a file that are a piece of guest physical memory. @internal */
export interface FileRange {
  readonly address: number;
  readonly offset: number;
  readonly lengthBytes: number;
}

/** A machine has some dozens; each becomes a region of the memory map. */
const MOST_RANGES = 65_536;
/** A dump with paging has a range for each mapping, most of them of the same memory: they are merged whenever there are so many. */
const MOST_UNMERGED = 2 * MOST_RANGES;
const PHYSICAL_END = 2 ** 52;

/** Guest memory that lies in a file in pieces. @internal */
export class FileRanges {
  /** In ascending order, none touching the next in both. */
  readonly spans: readonly PhysicalSpan[];
  readonly #source: ByteSource;
  readonly #ranges: readonly FileRange[];
  /** Pieces mostly lie where the last did. */
  #last: FileRange | undefined;

  /**
   * @param ranges - in any order. They may overlap where they agree on where a byte lies in the file.
   * @throws DumpFormatError `ERR_DUMP_FORMAT` where they do not agree, or one lies outside of the file or of physical memory.
   */
  constructor(source: ByteSource, ranges: Iterable<FileRange>) {
    this.#source = source;
    let kept: FileRange[] = [];
    for (const range of ranges) {
      requireRange(source, range);
      kept.push(range);
      if (kept.length === MOST_UNMERGED) kept = merge(source, kept);
    }
    this.#ranges = merge(source, kept);
    this.spans = this.#ranges.map(({ address, lengthBytes }) => ({ first: address, last: address + lengthBytes - 1 }));
  }

  /** Fills the target with memory that lies in one range. @throws DumpFormatError `ERR_DUMP_FORMAT`, RangeError. */
  readInto(address: number, target: Uint8Array): void {
    const { address: first, offset } = this.#rangeOf(address, target.length);
    this.#source.readInto(offset + address - first, target);
  }

  #rangeOf(address: number, lengthBytes: number): FileRange {
    if (this.#last === undefined || !contains(this.#last, address, lengthBytes)) {
      this.#last = this.#ranges[this.#endingBefore(address)];
    }
    const range = this.#last;
    if (range === undefined || !contains(range, address, lengthBytes)) {
      throw new RangeError(
        `${this.#source.name} has no memory at ${formatHex(address)}: the memory map is the judge of that`,
      );
    }
    return range;
  }

  #endingBefore(address: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { address: first, lengthBytes } = this.#ranges[middle] as FileRange;
      if (first + lengthBytes <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function contains(range: FileRange, address: number, lengthBytes: number): boolean {
  return address >= range.address && address + lengthBytes <= range.address + range.lengthBytes;
}

function requireRange(source: ByteSource, { address, offset, lengthBytes }: FileRange): void {
  if (!(address >= 0 && lengthBytes > 0 && address + lengthBytes <= PHYSICAL_END)) {
    throw new DumpFormatError(
      source.name,
      `it claims memory from ${formatHex(BigInt(Math.floor(address)))} on (${lengthBytes} bytes), where no processor has any`,
    );
  }
  requireInside(source, offset, lengthBytes, `memory at guest physical ${formatHex(address)}`);
}

/** Ranges that continue each other in memory and in the file are one. @param ranges - are put in order */
function merge(source: ByteSource, ranges: FileRange[]): FileRange[] {
  const sorted = ranges.sort((one, other) => one.address - other.address);
  const merged: FileRange[] = [];
  for (const range of sorted) {
    const before = merged.at(-1);
    const end = before === undefined ? 0 : before.address + before.lengthBytes;
    if (before === undefined || range.address > end) merged.push(range);
    else if (range.offset - range.address === before.offset - before.address) {
      const longer = Math.max(end, range.address + range.lengthBytes) - before.address;
      merged[merged.length - 1] = { ...before, lengthBytes: longer };
    } else if (range.address === end) merged.push(range);
    else {
      throw new DumpFormatError(
        source.name,
        `it has the memory at ${formatHex(range.address)} twice, in different places`,
      );
    }
    if (merged.length > MOST_RANGES) {
      throw new DumpFormatError(source.name, `it has memory in more than ${MOST_RANGES} pieces`);
    }
  }
  return merged;
}
