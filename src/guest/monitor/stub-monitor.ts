import type { GdbClient } from '../../../protocols/gdb/index.ts';
import {
  findPluggedCpuPath,
  parseAllInfoRegisters,
  parseInfoCpus,
  parseInfoKvm,
  parseInfoVersion,
} from '../../../protocols/qmp/index.ts';
import { GuestStateError } from '../errors.ts';
import type { Monitor } from './monitor.ts';

/** No property that is asked for here is longer; a path has at most 4096. */
const MAX_PROPERTY_CHARS = 16_384;

/**
 * QEMU's monitor through the GDB stub's `qRcmd`, for when there is no QMP. It has no device state, and knows the QOM path of a
 * vCPU only on machines that can hot-plug them.
 *
 * @param onRegisters - is told the text in which the registers of all vCPUs came
 * @internal
 */
export function stubMonitor(gdb: GdbClient, onRegisters: (text: string) => void = () => {}): Monitor {
  const hmp = (command: string): Promise<string> => gdb.monitor(command);
  return {
    endpoint: gdb.endpoint,
    hmp,
    // `cpu N` would choose one, but for ever: the choice outlives us.
    async registers(cpu) {
      const text = await hmp('info registers -a');
      onRegisters(text);
      const all = parseAllInfoRegisters(text);
      const own = all.find(({ cpuIndex }) => cpuIndex === cpu);
      if (own === undefined) throw new GuestStateError(`info registers -a shows no vCPU ${cpu}`);
      return own;
    },
    target: () => Promise.resolve(undefined),
    qemuVersion: async () => parseInfoVersion(await hmp('info version')),
    usesKvm: async () => parseInfoKvm(await hmp('info kvm')),
    async qomGet(path, property) {
      const text = (await hmp(`qom-get ${path} ${property}`)).trim();
      if (text.length > MAX_PROPERTY_CHARS) return undefined;
      try {
        const value: unknown = JSON.parse(text);
        return typeof value === 'object' ? undefined : (value as string | number | boolean);
      } catch {
        // `Error: Property '…' not found`, or a QEMU without this command.
        return undefined;
      }
    },
    async listCpus() {
      const [cpus, pluggable] = await Promise.all([hmp('info cpus'), hmp('info hotpluggable-cpus')]);
      const qomPath = findPluggedCpuPath(pluggable);
      return parseInfoCpus(cpus).map(({ cpuIndex, threadId }) => ({ index: cpuIndex, qomPath, threadId }));
    },
  };
}
