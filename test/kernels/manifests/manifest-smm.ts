/**
 * What `smm4.asm` is, stated independently of its source: a vCPU that stays in system management mode, with 4-level tables in SMRAM.
 */
export const SMM4 = {
  image: 'smm4.bin',
  root: 0xb0000n,
  /** The one 4 KiB page, besides the first 2 MiB as a large one. */
  page: { address: 0x40_0000n, leadsTo: 0xab_c000n, path: [0xb_0000n, 0xb_1000n, 0xb_2010n, 0xb_3000n] },
} as const;
