/** A line of `info tlb`: a leaf, with the flags of its entry alone. */
export interface TlbLine {
  readonly linear: bigint;
  /** QEMU shows bits 49:0, and of 4 MB pages bits 31:0. */
  readonly physical: bigint;
  /** `XGPDACTUW`, as far as they are set; P is the page size. */
  readonly flags: string;
}

/** What `info tlb` says. */
export function parseInfoTlb(text: string): readonly TlbLine[] {
  return [...text.matchAll(/^([0-9a-f]{8,16}): ([0-9a-f]{8,16}) ([XGPDACTUW-]{9})\s*$/gm)].map(
    ([, linear, physical, flags]) => ({
      linear: BigInt(`0x${linear}`),
      physical: BigInt(`0x${physical}`),
      flags: (flags ?? '').replaceAll('-', ''),
    }),
  );
}
