import { WINDOW } from '../processor-rig/layout.ts';

/**
 * Where the probe kernels have what only they have: the same numbers as in test/kernels/include/probe/probe-layout.inc. The rest is in
 * processor-rig/layout.ts.
 *
 * The arena of each memory is 16 MiB: pages to be mapped, then tables.
 *
 * ```
 *   0x0300_0000  8 MiB of pages, in which every 16 bytes say where they are
 *   0x0380_0000  8 MiB of tables, half of it for every other batch
 * ```
 */
export const ARENA_BYTES = 0x0100_0000;
export const TABLES_OFFSET = 0x0080_0000;
export const TABLES_HALF_BYTES = 0x0040_0000;

export const IMAGE_TABLES = 0x0011_0000;
export const IMAGE_END = 0x0012_0000;
export const WINDOW_PML4 = 0x0011_5000;
export const WINDOW_PDPT = 0x0011_6000;
export const WINDOW_PT = 0x0011_8000;

/** Eight bytes without a use: what samples that are not wanted look at. */
export const SPARE = 0x0030_0000;
/** Records and results of every other batch lie this much higher. */
export const BATCH_STRIDE = 0x0020_0000;

/** The user's page in the window, and where nothing ever is. */
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
export const STORED = 0x1122_3344_5566_7788n;
export const STORED_32 = 0x5566_7788n;

/** As many as one batch can have between RECORDS and RESULTS. */
export const BATCH_PROBES = 16_384;
