import { whileAlive } from '../console/while-alive.ts';
import { awaitReady, launchQemu } from '../qemu/launch-qemu.ts';
import { type GuestOptions, requireFiles, requireKnown, toQemuOptions } from './guest-options.ts';
import { LaunchedGuest } from './launched-guest.ts';

/**
 * Starts a guest for a test. It returns when the guest has said that it is ready, or, where nothing is to be waited for, as soon as
 * QEMU answers.
 *
 * @example
 * ```ts
 * await using guest = await launchGuest({ kernel: 'kernel.bin', memory: '64M', ready: /ready/, failOn: /panic/ });
 * ```
 * @throws QemuOptionError `ERR_TESTING_OPTION` for an option that is unknown, a kernel or initrd that cannot be read; QemuLaunchError; where it does not get
 * ready, GuestConsoleError and GuestDiedError; the signal's reason.
 * Nothing is left behind then.
 * @public
 */
export async function launchGuest(options: GuestOptions = {}): Promise<LaunchedGuest> {
  options.signal?.throwIfAborted();
  requireKnown(options);
  await requireFiles(options);
  const qemu = await launchQemu(toQemuOptions(options));
  try {
    options.signal?.throwIfAborted();
    const guest = await whileAlive(LaunchedGuest.over(qemu, options));
    await awaitReady(guest, options);
    return guest;
  } catch (error) {
    await qemu.stop();
    throw error;
  }
}
