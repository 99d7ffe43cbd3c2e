import { whileAlive } from '../console/while-alive.ts';
import { launchQemu } from '../qemu/launch-qemu.ts';
import { type GuestOptions, requireFiles, toQemuOptions } from './guest-options.ts';
import { LaunchedGuest } from './launched-guest.ts';

/**
 * Starts a guest for a test. It returns as soon as QEMU answers: what the guest says when it is ready is for `console.expect`.
 *
 * @example
 * ```ts
 * const guest = await launchGuest({ kernel: 'kernel.bin', memory: '64M' });
 * await guest.console.expect(/ready/);
 * ```
 * @throws QemuOptionError `ERR_TESTING_OPTION` for a kernel or initrd that cannot be read; QemuLaunchError; the signal's reason.
 * Nothing is left behind then.
 * @public
 */
export async function launchGuest(options: GuestOptions = {}): Promise<LaunchedGuest> {
  options.signal?.throwIfAborted();
  await requireFiles(options);
  const qemu = await launchQemu(toQemuOptions(options));
  try {
    options.signal?.throwIfAborted();
    return await whileAlive(LaunchedGuest.over(qemu, options));
  } catch (error) {
    await qemu.stop();
    throw error;
  }
}
