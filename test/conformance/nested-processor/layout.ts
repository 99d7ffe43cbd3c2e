/**
 * Where the hypervisor kernels have what only they have: the same numbers as in test/kernels/include/svm/svm-layout.inc. The rest is
 * in processor-rig/layout.ts.
 *
 * The arena of each memory is 5 MiB: frames for the guest, then nested tables.
 *
 * ```
 *   0x0300_0000  4 MiB of frames: bits 14:12 of a frame's address say what is in it
 *   0x0340_0000  1 MiB in which the nested tables are
 * ```
 *
 * A guest-physical address has the same bits 14:12 as the physical address that the nested tables translate it to, whatever
 * the sizes of pages. So a guest's entry leads to a table of the level that comes next, in whatever frame that is.
 */
export const FRAMES_BYTES = 0x0040_0000;
export const NESTED_BYTES = 0x0010_0000;
export const ARENA_BYTES = FRAMES_BYTES + NESTED_BYTES;

/** The guest's code, at CPL 0 and 3, at the same address in every address space. */
export const WINDOW_CODE = 0x0010_4000;
export const WINDOW_USER = 0x0010_5000;
/** Where the code is for guests that are not in 64-bit mode. */
export const WINDOW_32 = 0x800;
/** G_PAT of the VMCB that the hypervisor runs each guest with. */
export const VMCB_G_PAT = 0x0010_6668;
/** Tables that lead to it, all of which the nested tables map where they are. */
export const GUEST_PML4 = 0x0011_5000;
export const GUEST_PDPT = 0x0011_6000;
export const GUEST_PD = 0x0011_7000;
export const GUEST_PT = 0x0011_8000;
export const GUEST_PT_32 = 0x0011_9000;
export const NESTED_PT = 0x0011_a000;
export const NESTED_PT_32 = 0x0011_b000;
export const WINDOW_TABLES_END = 0x0011_c000;

export const RECORD = {
  sampleCount: 0,
  hostCr0: 4,
  hostCr4: 8,
  hostEfer: 12,
  pkru: 16,
  pkrs: 20,
  cs: 24,
  ss: 28,
  cpl: 32,
  cr0: 40,
  cr3: 48,
  cr4: 56,
  efer: 64,
  rflags: 72,
  rip: 80,
  rax: 88,
  gdt: 96,
  nestedCr3: 104,
  samples: 128,
  size: 512,
} as const;

export const RESULT = {
  exitCode: 0,
  exitInfo1: 8,
  exitInfo2: 16,
  exitInterrupt: 24,
  rip: 32,
  rax: 40,
  cr2: 48,
  left: 56,
  cpl: 60,
  samples: 64,
  size: 448,
} as const;

export const SAMPLES = 48;
export const INFO_BEFORE = 0x5151n;

/** As many as one batch can have between RECORDS and RESULTS. */
export const BATCH_PROBES = 4096;
