/** What Linux means by a page-table entry: of one that is not present, all of it; of one that is, the bits that are its own. @public */
export type LinuxEntry =
  /** Nothing: no page was ever there, or it is gone. */
  | { readonly kind: 'empty' }
  /** A page that allows nothing: PROT_NONE, or a hint for NUMA balancing. Null where neither form of its address leads to memory. */
  | { readonly kind: 'no-access'; readonly physicalAddress: bigint | null; readonly isInverted: boolean }
  /** A page in swap: in which of the swap files or devices, and at which page of it. */
  | ({ readonly kind: 'swap'; readonly type: number; readonly offset: bigint } & SwapBits)
  /** A page that is being moved. */
  | ({
      readonly kind: 'migration';
      readonly allows: 'read' | 'read-exclusive' | 'write';
      readonly physicalAddress: bigint;
    } & SwapBits)
  /** A page that failed. */
  | { readonly kind: 'poisoned'; readonly physicalAddress: bigint }
  /** A page in the memory of a device. */
  | { readonly kind: 'device'; readonly frame: bigint }
  /** No page, but something to remember of one. */
  | { readonly kind: 'marker'; readonly marks: readonly ('uffd-wp' | 'poisoned' | 'guard')[]; readonly value: bigint }
  /** A large page that is being split. */
  | { readonly kind: 'splitting' }
  /** What the kernel at hand does not explain. */
  | { readonly kind: 'unknown'; readonly type: number | null; readonly offset: bigint | null }
  /** A present entry, and the bits in it that are Linux's own. */
  | { readonly kind: 'present'; readonly bits: readonly LinuxEntryBit[] };

/** Bits that Linux keeps in entries for itself. @public */
export type LinuxEntryBit = 'special' | 'uffd-wp' | 'soft-dirty' | 'devmap' | 'saved-dirty';

/** Of an entry that is not present. @public */
export interface SwapBits {
  readonly softDirty: boolean;
  /** Write-protected by userfaultfd. */
  readonly uffdWp: boolean;
  /** Of an anonymous page: no other process has it. Kernels before 5.19 do not say. */
  readonly exclusive: boolean;
}
