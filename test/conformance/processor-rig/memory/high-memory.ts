import { DIMM_DIRECTORY, HIGH_ALIAS, HOME_ROOT, IMAGE_BASE, RAM_BYTES } from '../layout.ts';
import type { PagedMode } from '../paged-mode.ts';

/** What decides how far physical addresses reach. */
export interface PhysicalReach {
  readonly mode: PagedMode;
  readonly maxPhyAddr: number;
}

const TWO_32 = 2 ** 32;
const LARGE_PAGE = 0x20_0000;
const LARGE_PAGE_32 = 0x40_0000;
/** P, RW, A, D, PS */
const LARGE_FLAGS = 0xe3;
/** The key of everything that is the kernel's, 15. */
const KERNEL_KEY = 0x7800_0000;

/** How many bits of a physical address an entry can have: PSE-36 has 40 at the most. */
export function physicalBits({ mode, maxPhyAddr }: PhysicalReach): number {
  return mode === '32-bit' ? Math.min(maxPhyAddr, 40) : maxPhyAddr;
}

/**
 * Where the high memory begins: the highest address bit of the processor, or of a 4 MiB page. Null where there are but 32.
 */
export function highMemoryBase(reach: PhysicalReach): number | null {
  const bits = physicalBits(reach);
  return bits < 34 ? null : 2 ** (bits - 1);
}

/** Has the kernel see the high memory at HIGH_ALIAS: large pages in tables that it left for that. */
export function mapHighMemory(image: Buffer, mode: PagedMode, highBase: number): void {
  if (mode === '32-bit') {
    for (let region = 0; region < RAM_BYTES / LARGE_PAGE_32; region++) {
      const entry = (region * LARGE_PAGE_32) | ((highBase / TWO_32) << 13) | LARGE_FLAGS;
      image.writeUInt32LE(entry >>> 0, HOME_ROOT - IMAGE_BASE + (HIGH_ALIAS / LARGE_PAGE_32 + region) * 4);
    }
    return;
  }
  for (let region = 0; region < RAM_BYTES / LARGE_PAGE; region++) {
    const offset = DIMM_DIRECTORY - IMAGE_BASE + region * 8;
    image.writeUInt32LE((region * LARGE_PAGE) | LARGE_FLAGS, offset);
    image.writeUInt32LE(((highBase / TWO_32) | (mode === 'pae' ? 0 : KERNEL_KEY)) >>> 0, offset + 4);
  }
}
