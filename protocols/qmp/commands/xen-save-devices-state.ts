import { z } from 'zod';
import type { QmpExecutor } from '../client.ts';

/**
 * `xen-save-devices-state`: QEMU writes the state of all devices and vCPUs, without memory, to a file of its host. Present
 * in ordinary builds. 2 to 3 ms. A running guest is stopped and resumed (STOP, RESUME); a guest that stands still stays as it
 * is.
 *
 * `live` is always false and no caller can change it. Its default, true, inactivates the block devices of a guest that is
 * not running, and the next disk write after a resume by the GDB stub aborts QEMU (7.2 and 10.0).
 *
 * @param filename - on QEMU's side; truncated and written with QEMU's rights.
 * @throws QmpCommandError when QEMU cannot write there.
 * @public
 */
export async function saveDevicesState(qmp: QmpExecutor, filename: string): Promise<void> {
  await qmp.execute('xen-save-devices-state', { filename, live: false }, { schema: z.object({}) });
}
