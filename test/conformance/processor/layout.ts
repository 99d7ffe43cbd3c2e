/**
 * Where the probe kernels have everything: the same numbers as in test/kernels/include/probe-layout.inc.
 *
 * Physical memory is 64 MiB from 0 on and, where physical addresses have more than 32 bits, the same again far up (the
 * "high" memory). The last 16 MiB of each are the test's: pages to be mapped, then tables.
 *
 * ```
 *   0x0010_0000  the kernel             0x0040_0000  records, results
 *   0x0300_0000  8 MiB of pages, in which every 16 bytes say where they are
 *   0x0380_0000  8 MiB of tables, half of it for every other batch
 * ```
 *
 * No single wrong bit leads from an address in those 16 MiB to the kernel below 16 MiB.
 */
export const RAM_BYTES = 0x0400_0000;
export const ARENA_OFFSET = 0x0300_0000;
export const ARENA_BYTES = 0x0100_0000;
export const TABLES_OFFSET = 0x0080_0000;
export const TABLES_HALF_BYTES = 0x0040_0000;

/** Below this everything is the kernel's. */
export const KERNEL_END = 0x0100_0000;
export const IMAGE_BASE = 0x0010_0000;
export const IMAGE_TABLES = 0x0011_0000;
export const IMAGE_END = 0x0012_0000;
export const HOME_ROOT = 0x0011_0000;
export const DIMM_DIRECTORY = 0x0011_4000;
export const WINDOW_PML4 = 0x0011_5000;
export const WINDOW_PDPT = 0x0011_6000;
export const WINDOW_PT = 0x0011_8000;

export const MAILBOX = 0x0020_0000;
/** Eight bytes that nobody needs: what samples that are not wanted look at. */
export const SPARE = 0x0030_0000;
export const RECORDS = 0x0040_0000;
export const RESULTS = 0x0080_0000;
/** Records and results of every other batch lie this much higher. */
export const BATCH_STRIDE = 0x0020_0000;

/** Where the kernel sees the high memory between probes. */
export const HIGH_ALIAS = 0x8000_0000;

/** The window's address, of which 32-bit kernels have the low half; the user's page in it; and where nothing ever is. */
export const WINDOW = 0xffff_ffff_ffe0_0000n;
export const WINDOW_USER = WINDOW + 0x2000n;
export const NOWHERE = WINDOW + 0x10_0000n;

export const RECORD = {
  kind: 0,
  flags: 4,
  cr3: 8,
  linear: 16,
  cr0: 24,
  cr4: 28,
  efer: 32,
  pkru: 36,
  pkrs: 40,
  samples: 48,
  size: 96,
} as const;

export const RESULT = {
  vector: 0,
  error: 4,
  ip: 8,
  cr2: 16,
  value: 24,
  cs: 32,
  samples: 40,
  left: 88,
  size: 96,
} as const;

export const SAMPLES = 6;
export const CR2_BEFORE = 0x1230n;
export const STORED = 0x1122_3344_5566_7788n;
export const STORED_32 = 0x5566_7788n;

/** As many as one batch can have between RECORDS and RESULTS. */
export const BATCH_PROBES = 16_384;
