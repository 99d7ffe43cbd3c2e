import type { KernelNames } from '../../../src/linux/kernel/kernel-names.ts';
import { AddressSpace } from '../../../src/linux/memory/address-space.ts';
import type { PageFeed } from '../../../src/linux/memory/page-feed.ts';
import { makeColumns } from '../../../src/linux/symbols/make-columns.ts';
import { SymbolTable } from '../../../src/linux/symbols/symbol-table.ts';
import type { Btf } from '../../../src/linux/types/btf.ts';
import { createContext } from '../../../src/paging/index.ts';

const PAGE_BYTES = 4096;
/** Paging is off: addresses of 32 bits lead where they are. */
const CONTEXT = createContext({ cr0: 0x11n, cr3: 0n, cr4: 0n, efer: 0n }, { maxPhyAddr: 40 });

/** Memory in which a test puts what a kernel has in its own; elsewhere is none. */
export class FlatMemory implements PageFeed {
  readonly space = new AddressSpace(CONTEXT, this);
  /** How many pages each flight fetched. */
  readonly flights: number[] = [];
  readonly #pages = new Map<number, Int32Array>();
  readonly #fetched = new Set<number>();

  words(page: number): Int32Array | null | undefined {
    return this.#fetched.has(page) ? (this.#pages.get(page) ?? null) : undefined;
  }

  async load(pages: Iterable<number>): Promise<void> {
    const wanted = [...pages];
    this.flights.push(wanted.length);
    for (const page of wanted) this.#fetched.add(page);
  }

  /** Puts words of 64 bits side by side. */
  word(address: number, ...values: readonly (bigint | number)[]): void {
    const bytes = new Uint8Array(BigUint64Array.from(values, BigInt).buffer);
    this.bytes(address, bytes);
  }

  text(address: number, text: string): void {
    this.bytes(address, Buffer.from(`${text}\0`, 'latin1'));
  }

  bytes(address: number, bytes: Uint8Array): void {
    bytes.forEach((byte, index) => {
      const at = address + index;
      const page = Math.floor(at / PAGE_BYTES);
      const words = this.#pages.get(page) ?? new Int32Array(PAGE_BYTES / 4);
      this.#pages.set(page, words);
      new Uint8Array(words.buffer)[at % PAGE_BYTES] = byte;
    });
  }
}

/** Names of a kernel that has these symbols, and such structures. */
export function namesWith(btf: Btf | null, symbols: Readonly<Record<string, bigint>> = {}): KernelNames {
  const plain = Object.entries(symbols).map(([name, address]) => ({ name, address, type: 'T' }));
  return {
    ...{ wordBytes: 8, textFirst: 0n, btf, layout: null, banner: null, buildId: null, missing: [] },
    symbols: new SymbolTable(makeColumns(plain)),
  };
}
