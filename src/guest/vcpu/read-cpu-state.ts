import {
  type CpuDeviceState,
  parseDeviceState,
  QmpClosedError,
  QmpProtocolError,
} from '../../../protocols/qmp/index.ts';
import type { UnavailableCause } from '../causes/unavailable-cause.ts';
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
): Promise<CpuDeviceState | UnavailableCause> {
  if (!monitor.saveDeviceState) return { code: 'no-qmp' };
  let directory: PrivateDirectory | undefined;
  try {
    directory = openDirectory();
    await monitor.saveDeviceState(directory.pathOf('device-state'));
    const state = parseDeviceState(directory.read('device-state'));
    return state.cpus.get(cpu) ?? { code: 'no-saved-vcpu', cpu };
  } catch (error) {
    // A lost connection is an error, not an unknown register: QEMU may be gone, and the guest with it.
    if (error instanceof QmpClosedError || error instanceof QmpProtocolError) throw error;
    if (error instanceof DeviceStateObstacle) return error.obstacle;
    return { code: 'device-state-unreadable', message: error instanceof Error ? error.message : String(error) };
  } finally {
    directory?.unlink('device-state');
  }
}
