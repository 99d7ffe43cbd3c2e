import {
  type CpuDeviceState,
  parseDeviceState,
  QmpClosedError,
  QmpProtocolError,
} from '../../../protocols/qmp/index.ts';
import { DeviceStateObstacle } from '../device-state/device-state-obstacle.ts';
import type { Monitor } from '../monitor/monitor.ts';
import type { PrivateDirectory } from '../restore/private-directory.ts';

/** The directory that QEMU and this process share; made when it is first needed. @internal */
export type OpenDirectory = () => PrivateDirectory;

/**
 * One vCPU out of QEMU's device state, which QEMU writes into a file that only it and we can reach.
 *
 * @param openDirectory - where the file is to be
 * @returns the vCPU's state, or why it is unavailable
 * @throws QmpClosedError, QmpProtocolError when the connection ends meanwhile.
 * @internal
 */
export async function readCpuState(
  monitor: Monitor,
  cpu: number,
  openDirectory: OpenDirectory,
): Promise<CpuDeviceState | string> {
  if (!monitor.saveDeviceState) return 'the GDB stub does not show it, and there is no QMP';
  let directory: PrivateDirectory | undefined;
  try {
    directory = openDirectory();
    await monitor.saveDeviceState(directory.pathOf('device-state'));
    const state = parseDeviceState(directory.read('device-state'));
    return state.cpus.get(cpu) ?? `QEMU's device state has no vCPU ${cpu}`;
  } catch (error) {
    // A lost connection is an error, not an unknown register: QEMU may be gone, and the guest with it.
    if (error instanceof QmpClosedError || error instanceof QmpProtocolError) throw error;
    if (error instanceof DeviceStateObstacle) return error.message;
    const why = error instanceof Error ? error.message : String(error);
    return `QEMU's device state cannot be read here: ${why}`;
  } finally {
    directory?.unlink('device-state');
  }
}
