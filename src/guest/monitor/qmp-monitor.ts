import {
  parseInfoRegisters,
  type QmpClient,
  QmpCommandError,
  qomGet,
  queryCpusFast,
  queryKvm,
  queryTarget,
} from '../../../protocols/qmp/index.ts';
import { DeviceStateGate } from '../device-state/device-state-gate.ts';
import type { Monitor } from './monitor.ts';

/** QEMU's monitor through QMP. @internal */
export function qmpMonitor(qmp: QmpClient): Monitor {
  const deviceState = new DeviceStateGate(qmp);
  return {
    endpoint: qmp.endpoint,
    hmp: (command) => qmp.hmp(command),
    registers: async (cpu) => parseInfoRegisters(await qmp.hmp('info registers', { cpuIndex: cpu })),
    target: () => queryTarget(qmp),
    qemuVersion: () => {
      const { major, minor, micro } = qmp.greeting.version.qemu;
      return Promise.resolve([major, minor, micro]);
    },
    usesKvm: async () => (await queryKvm(qmp)).enabled,
    prepareDeviceState: () => deviceState.prepare(),
    saveDeviceState: (file, hmp) => deviceState.save(file, hmp),
    async qomGet(path, property) {
      try {
        const value = await qomGet(qmp, path, property);
        return typeof value === 'object' ? undefined : (value as string | number | boolean);
      } catch (error) {
        // "Property … not found": this QEMU does not know it. Anything else is a broken connection.
        if (error instanceof QmpCommandError) return undefined;
        throw error;
      }
    },
    async listCpus() {
      const cpus = await queryCpusFast(qmp);
      return cpus.map(({ cpuIndex, qomPath, threadId }) => ({ index: cpuIndex, qomPath, threadId }));
    },
  };
}
