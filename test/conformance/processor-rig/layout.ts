/**
 * Where the probe kernels and the hypervisor kernels have the same: numbers of test/kernels/include/probe/probe-layout.inc as well as
 * of include/svm/svm-layout.inc. What only one of them has is in the layout.ts of its folder.
 *
 * Physical memory is 64 MiB from 0 on and, where physical addresses have more than 32 bits, the same again far up (the
 * "high" memory). A part of each, the arena, is the test's.
 *
 * ```
 *   0x0010_0000  the kernel             0x0040_0000  records       0x0080_0000  results
 *   0x0300_0000  the arena
 * ```
 *
 * No single wrong bit leads from an address in the arena to the kernel below 16 MiB.
 */
export const RAM_BYTES = 0x0400_0000;
export const ARENA_OFFSET = 0x0300_0000;

/** Below this everything is the kernel's. */
export const KERNEL_END = 0x0100_0000;
export const IMAGE_BASE = 0x0010_0000;
export const HOME_ROOT = 0x0011_0000;
export const DIMM_DIRECTORY = 0x0011_4000;

export const MAILBOX = 0x0020_0000;
export const RECORDS = 0x0040_0000;
export const RESULTS = 0x0080_0000;

/** Where the kernel sees the high memory between probes. */
export const HIGH_ALIAS = 0x8000_0000;

/**
 * The address of the probe kernels' window, of which 32-bit kernels have the low half. No address that is drawn lies in it; the
 * hypervisor kernels have nothing there, and share the draw.
 */
export const WINDOW = 0xffff_ffff_ffe0_0000n;

export const CR2_BEFORE = 0x1230n;
