import type { GdbClient } from '../../../protocols/gdb/index.ts';
import { parseAllInfoRegisters, parseInfoCpus } from '../../../protocols/qmp/index.ts';
import type { QemuVersion } from '../../paging/index.ts';
import { GuestStateError } from '../errors.ts';
import type { Monitor } from './monitor.ts';

/** `info hotpluggable-cpus`: the QOM paths of the vCPUs that are plugged in. */
const QOM_PATH = /^\s*qom_path: "(.*)"/m;

/**
 * QEMU's monitor through the GDB stub's `qRcmd`, for when there is no QMP. It has no device state, and knows the QOM path of a
 * vCPU only on machines that can hot-plug them.
 *
 * @internal
 */
export function stubMonitor(gdb: GdbClient): Monitor {
  const hmp = (command: string): Promise<string> => gdb.monitor(command);
  return {
    endpoint: gdb.endpoint,
    hmp,
    // `cpu N` would choose one, but for ever: the choice outlives us.
    async registers(cpu) {
      const all = parseAllInfoRegisters(await hmp('info registers -a'));
      const own = all.find(({ cpuIndex }) => cpuIndex === cpu);
      if (own === undefined) throw new GuestStateError(`info registers -a shows no vCPU ${cpu}`);
      return own;
    },
    target: () => Promise.resolve(undefined),
    qemuVersion: async () => parseQemuVersion(await hmp('info version')),
    async usesKvm() {
      const answer = /^kvm support: (enabled|disabled)/m.exec(await hmp('info kvm'))?.[1];
      return answer === undefined ? undefined : answer === 'enabled';
    },
    async qomGet(path, property) {
      const text = (await hmp(`qom-get ${path} ${property}`)).trim();
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
      const qomPath = QOM_PATH.exec(pluggable)?.[1];
      return parseInfoCpus(cpus).map(({ cpuIndex, threadId }) => ({ index: cpuIndex, qomPath, threadId }));
    },
  };
}

/** `info version`: `7.2.22Debian 1:7.2+dfsg-7+deb12u18+b3`. @internal */
export function parseQemuVersion(text: string): QemuVersion {
  const [, major = '0', minor = '0', micro = '0'] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(text.trim()) ?? [];
  return [Number(major), Number(minor), Number(micro)];
}
