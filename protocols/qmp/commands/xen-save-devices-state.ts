import * as z from 'zod/mini';
import type { QmpExecutor } from '../executor.ts';

/**
 * `xen-save-devices-state`: QEMU writes the state of all devices and vCPUs, without memory, to a file of its host.
 * Present in ordinary builds. 2 to 3 ms. A running guest is stopped and resumed (STOP, RESUME); a paused guest stays as
 * it is.
 *
 * **It can end QEMU.** Unlike a migration it saves devices that cannot be migrated, and these may have nothing to save:
 * QEMU 7.2 and 10.0 end with SIGSEGV on nvme, ufs, rocker, amd-iommu, usb-net, usb-serial, usb-audio, virtio-sound-pci
 * and others, which `query-migrate` names beforehand, and on pci-serial-2x and vmbus-bridge, which it does not. In the run state
 * `suspended` QEMU 10 is left in the state `save-vm`. This function checks nothing: `src/guest/device-state` does, and
 * is the only caller in this project.
 *
 * `live` is always false and no caller can change it. Its default, true, inactivates the block devices of a guest that
 * is not running, and the next disk write after a resume by the GDB stub aborts QEMU (7.2 and 10.0).
 *
 * @param filename - on QEMU's side; truncated and written with QEMU's rights.
 * @throws QmpCommandError when QEMU cannot write there.
 * @public
 */
export async function saveDevicesState(qmp: QmpExecutor, filename: string): Promise<void> {
  await qmp.execute('xen-save-devices-state', { filename, live: false }, { schema: z.object({}) });
}
