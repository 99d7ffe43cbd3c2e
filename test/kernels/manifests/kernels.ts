import type { KernelManifest, KernelName } from './manifest.ts';
import { PAGING32 } from './manifest-32.ts';
import { LONG4, LONG5 } from './manifest-long.ts';
import { PAE } from './manifest-pae.ts';

/** All kernels. */
export const KERNELS: Readonly<Record<KernelName, KernelManifest>> = {
  paging32: PAGING32,
  pae: PAE,
  long4: LONG4,
  long5: LONG5,
};
