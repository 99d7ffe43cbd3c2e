import { fileURLToPath } from 'node:url';
import { launchQemu, type QemuProcess } from '../src/testing/index.ts';

/** Seen from dist/scripts, where this file runs. */
const KERNEL = fileURLToPath(new URL('../kernels/long4.bin', import.meta.url));

/** Starts test/kernels/long4.asm, whose page tables are known entry by entry, and waits until it is ready. */
export async function launchLong4(): Promise<QemuProcess> {
  const guest = await launchQemu({ kernel: KERNEL, cpu: 'max', accel: 'tcg', extraArgs: ['-no-reboot'] });
  try {
    await guest.console.waitForLine((line) => line === 'ready long4');
    return guest;
  } catch (error) {
    await guest.stop();
    throw error;
  }
}
