import type { KernelTable } from './manifest.ts';
import { table } from './manifest-parts.ts';

/** Where the first page of rom.bin lies in a guest started with it. */
const ADDRESS = 0xfffb0000n;

/** The page table in ROM, as a kernel with 8-byte entries sees it. Its first entry has A clear, the next two have A and D. */
export const ROM_PT: KernelTable = table(
  'rom-pt',
  { level: 1, address: ADDRESS, entrySizeBytes: 8, entryCount: 512 },
  { 0: 0x138007n, 1: 0x139067n, 2: 0x13a065n, 3: 0x7ffff006n },
);

/** The same as a kernel with 4-byte entries sees it. */
export const ROM_PT_32: KernelTable = table(
  'rom-pt',
  { level: 1, address: ADDRESS, entrySizeBytes: 4, entryCount: 1024 },
  { 0: 0x138007n, 2: 0x139067n, 4: 0x13a065n, 6: 0x7ffff006n },
);
