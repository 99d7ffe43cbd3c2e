import type { Monitor } from './monitor.ts';

/**
 * Has the monitor ask for what saving the device state depends on, while the guest runs, if the pause that comes may
 * need it: nearly always for protection keys, which every Linux turns on where the processor has them.
 *
 * @param qomPath - of a vCPU, where known
 * @internal
 */
export async function prepareDeviceState(monitor: Monitor, qomPath: string | undefined): Promise<void> {
  if (!monitor.prepareDeviceState || qomPath === undefined) return;
  if ((await monitor.qomGet(qomPath, 'pku')) === true) await monitor.prepareDeviceState();
}
