const pageSize = 4096n;

/**
 * Guest-physical memory of which only some 4 KiB pages exist: reading any other yields null, as where no RAM is.
 *
 * It counts and lists what was read, so that a test can say "these entries and no others".
 *
 * @internal
 */
export class SparseMemory {
  readonly #pages = new Map<bigint, DataView>();
  readonly reads: bigint[] = [];

  /** Makes the page that holds `address` exist, filled with zeros if it is new. */
  addPage(address: bigint): void {
    const base = address & ~(pageSize - 1n);
    if (!this.#pages.has(base)) {
      this.#pages.set(base, new DataView(new ArrayBuffer(Number(pageSize))));
    }
  }

  /** Makes the page at `address` the one that `other` has at `there`: what is written to either is read from both. */
  sharePage(address: bigint, other: SparseMemory, there: bigint): void {
    this.#pages.set(address & ~(pageSize - 1n), other.#locate(there & ~(pageSize - 1n), 8).page);
  }

  /** The addresses of the pages that exist. */
  get pageAddresses(): readonly bigint[] {
    return [...this.#pages.keys()];
  }

  /** Whether memory backs `address`. */
  hasPage(address: bigint): boolean {
    return this.#pages.has(address & ~(pageSize - 1n));
  }

  /** What a walker is given: reads one little-endian entry and records its address; null where no memory is. */
  readEntry(address: bigint, sizeBytes: 4 | 8): bigint | null {
    this.reads.push(address);
    return this.hasPage(address) ? this.peek(address, sizeBytes) : null;
  }

  /** Reads without being recorded. */
  peek(address: bigint, sizeBytes: 4 | 8): bigint {
    const { page, offset } = this.#locate(address, sizeBytes);
    return sizeBytes === 8 ? page.getBigUint64(offset, true) : BigInt(page.getUint32(offset, true));
  }

  /** Writes one little-endian entry into a page that exists. */
  poke(address: bigint, sizeBytes: 4 | 8, value: bigint): void {
    const { page, offset } = this.#locate(address, sizeBytes);
    if (BigInt.asUintN(sizeBytes * 8, value) !== value) {
      throw new RangeError(`value 0x${value.toString(16)} does not fit ${sizeBytes} bytes`);
    }
    if (sizeBytes === 8) {
      page.setBigUint64(offset, value, true);
    } else {
      page.setUint32(offset, Number(value), true);
    }
  }

  /** Every page that exists, with its physical address. */
  pages(): { address: bigint; bytes: Uint8Array }[] {
    return [...this.#pages].map(([address, { buffer }]) => ({ address, bytes: new Uint8Array(buffer) }));
  }

  /** Forgets the reads recorded so far. */
  clearReads(): void {
    this.reads.length = 0;
  }

  #locate(address: bigint, sizeBytes: 4 | 8): { page: DataView; offset: number } {
    const page = this.#pages.get(address & ~(pageSize - 1n));
    if (page === undefined) {
      throw new RangeError(`no memory at physical address 0x${address.toString(16)}`);
    }
    if (address % BigInt(sizeBytes) !== 0n) {
      throw new RangeError(`physical address 0x${address.toString(16)} is not a multiple of ${sizeBytes}`);
    }
    return { page, offset: Number(address & (pageSize - 1n)) };
  }
}
