import { fileURLToPath } from 'node:url';
import { launchQemu, type QemuProcess } from '../src/testing/index.ts';

/** Seen from dist/scripts, where this file runs. */
const KERNEL = fileURLToPath(new URL('../kernels/long4.bin', import.meta.url));

/** Starts test/kernels/long4.asm, whose page tables are known entry by entry, and waits until it is ready. */
export function launchLong4(): Promise<QemuProcess> {
  return launchQemu({ kernel: KERNEL, cpu: 'max', accel: 'tcg', ready: /^ready long4$/, extraArgs: ['-no-reboot'] });
}
