/** One entry of a table, and what it holds when the kernel says it is ready. */
export interface KernelEntry {
  readonly table: string;
  /** 1 for the PT, counted upwards. */
  readonly level: number;
  readonly index: number;
  /** Physical. */
  readonly address: bigint;
  readonly value: bigint;
}

/** A table in the guest's memory; an entry not listed is zero. */
export interface KernelTable {
  readonly name: string;
  readonly level: number;
  /** Physical. */
  readonly address: bigint;
  readonly entrySizeBytes: 4 | 8;
  readonly entryCount: number;
  readonly entries: ReadonlyMap<number, bigint>;
}

/** What lies at a physical address: RAM, the image of `rom.bin` where QEMU was given it, a device, or nothing. */
export type KernelMemory = 'ram' | 'rom' | 'device' | 'none';

/** What the manuals say of a linear address, without any access in mind. */
export type KernelOutcome =
  | {
      readonly kind: 'mapped';
      readonly physicalAddress: bigint;
      readonly sizeBytes: number;
      /** The AND of R/W over all levels, of U/S over all levels; executable: no XD at any level. */
      readonly writable: boolean;
      readonly user: boolean;
      readonly executable: boolean;
      /** Of the leaf; 0 where the mode has no keys. */
      readonly protectionKey: number;
      readonly memory: KernelMemory;
    }
  /** The entry of this level has P=0. */
  | { readonly kind: 'not-present'; readonly level: number }
  /** The entry of this level has a reserved bit set. */
  | { readonly kind: 'reserved'; readonly level: number }
  /** The entry of this level would lie outside RAM. */
  | {
      readonly kind: 'table-outside-ram';
      readonly level: number;
      readonly address: bigint;
      readonly memory: KernelMemory;
    };

/** A linear address worth asking about. */
export interface KernelPage {
  readonly name: string;
  readonly address: bigint;
  /** The entries on the way, top-down, as far as they lie in RAM. */
  readonly path: readonly KernelEntry[];
  readonly outcome: KernelOutcome;
  /** Where processors differ: whose answer `outcome` is. */
  readonly only?: 'intel';
  /** What the CPU must have for `outcome` to be true; `-cpu max` has all of them. */
  readonly needs?: 'pdpe1gb';
  /** The least MAXPHYADDR for which `outcome` is true, where that is more than 32. TCG has 40 by default. */
  readonly physicalBits?: number;
}

/** Registers after start-up with `-cpu max` and no words on the command line. */
export interface KernelRegisters {
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  /** Only in long mode are there protection keys. */
  readonly pkru?: bigint;
  readonly pkrs?: bigint;
}

/** What one of the guests in this folder is, stated independently of its source. */
export interface KernelManifest {
  readonly name: KernelName;
  /** File name in dist/kernels. */
  readonly image: string;
  readonly mode: '32-bit' | 'pae' | '4-level' | '5-level';
  readonly registers: KernelRegisters;
  readonly tables: readonly KernelTable[];
  /**
   * What QEMU's TCG writes although no processor would: bit 5 of the PAE directory pointers it walks through, where a table
   * of any other mode has its accessed bit. By physical address, what memory holds instead of the stated value.
   */
  readonly underTcg?: ReadonlyMap<bigint, bigint>;
  readonly pages: readonly KernelPage[];
  /**
   * More pages where QEMU was started with `rom.bin` as its firmware: their page table lies in ROM, which takes no A or D.
   * The page `pt-rom` of `pages` is then none without memory.
   */
  readonly pagesWithRom: readonly KernelPage[];
  /** Of the CPUs after the first, which run if there are any (`-smp 2`) and the command line has the word `ap`. */
  readonly otherCpus?: { readonly registers: KernelRegisters; readonly pages: readonly KernelPage[] };
  /** The names after `pte` on the debug console, and the physical address of the entry each one reports. */
  readonly watches: Readonly<Record<string, bigint>>;
}

export type KernelName = 'paging32' | 'pae' | 'long4' | 'long5';

/** The page of that name. Throws if there is none, which is a mistake in the test. */
export function kernelPage(kernel: KernelManifest, name: string): KernelPage {
  const page = kernel.pages.find((candidate) => candidate.name === name);
  if (page === undefined) throw new Error(`${kernel.name} has no page ${name}`);
  return page;
}

/** The address of the watched entry of that name. Throws if there is none, which is a mistake in the test. */
export function kernelWatch(kernel: KernelManifest, name: string): bigint {
  const address = kernel.watches[name];
  if (address === undefined) throw new Error(`${kernel.name} watches no ${name}`);
  return address;
}
