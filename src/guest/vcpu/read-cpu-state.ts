import {
  type CpuDeviceState,
  parseDeviceState,
  QmpClosedError,
  QmpProtocolError,
} from '../../../protocols/qmp/index.ts';
import type { UnavailableCause } from '../causes/unavailable-cause.ts';
import { DeviceStateObstacle } from '../device-state/device-state-obstacle.ts';
import type { DeviceStateFile } from '../monitor/device-state-file.ts';
import type { Monitor } from '../monitor/monitor.ts';

/** What QEMU and this process share for it; made when it is first needed. @internal */
export type OpenStateFile = () => DeviceStateFile | Promise<DeviceStateFile>;

/**
 * One vCPU out of QEMU's device state, which QEMU writes into a file that only it and we can reach.
 *
 * @param openFile - what it is written into
 * @returns the vCPU's state, or why it is unavailable
 * @throws QmpClosedError, QmpProtocolError when the connection ends meanwhile.
 * @internal
 */
export async function readCpuState(
  monitor: Monitor,
  cpu: number,
  openFile: OpenStateFile,
): Promise<CpuDeviceState | UnavailableCause> {
  if (!monitor.saveDeviceState) return { code: 'no-qmp' };
  let file: DeviceStateFile | undefined;
  try {
    file = await openFile();
    await monitor.saveDeviceState(file.path);
    const state = parseDeviceState(await file.read());
    return state.cpus.get(cpu) ?? { code: 'no-saved-vcpu', cpu };
  } catch (error) {
    // A lost connection is an error, not an unknown register: QEMU may be gone, and the guest with it.
    if (error instanceof QmpClosedError || error instanceof QmpProtocolError) throw error;
    if (error instanceof DeviceStateObstacle) return error.obstacle;
    return { code: 'device-state-unreadable', message: error instanceof Error ? error.message : String(error) };
  } finally {
    await file?.discard();
  }
}
