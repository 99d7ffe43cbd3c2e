import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CpuDeviceState, parseDeviceState, readPkrs, readPkru } from '../../protocols/qmp/index.ts';
import type { Monitor } from './monitor.ts';
import { makePrivateDirectory } from './private-directory.ts';
import { type Sourced, sourced } from './sourced.ts';

/** PKRU and PKRS: no GDB stub shows them. @public */
export interface KeyRegisters {
  readonly pkru: Sourced<number>;
  readonly pkrs: Sourced<number>;
}

/** Which of the two the modes in use consult. @internal */
export interface KeysInUse {
  readonly pkru: boolean;
  readonly pkrs: boolean;
}

/**
 * Reads PKRU and PKRS of a paused vCPU out of QEMU's device state, if the modes in use need them. QEMU leaves a register out
 * that is 0.
 *
 * @param threadId - of a QEMU thread on this host, where known
 * @internal
 */
export async function readKeyRegisters(
  monitor: Monitor,
  cpu: number,
  inUse: KeysInUse,
  threadId: number | undefined,
): Promise<KeyRegisters> {
  if (!inUse.pkru && !inUse.pkrs) return { pkru: notInUse('PKE'), pkrs: notInUse('PKS') };
  const state = await readCpuState(monitor, cpu, threadId);
  const read = (name: string, of: (cpu: CpuDeviceState) => number): Sourced<number> =>
    typeof state === 'string'
      ? sourced(0, 'assumed', state)
      : sourced(of(state), 'device-state', `section cpu, subsection cpu/${name}`);
  return {
    pkru: inUse.pkru ? read('pkru', readPkru) : notInUse('PKE'),
    pkrs: inUse.pkrs ? read('pkrs', readPkrs) : notInUse('PKS'),
  };
}

function notInUse(bit: string): Sourced<number> {
  return sourced(0, 'not-in-use', `CR4.${bit}=0, or not in long mode`);
}

/** @returns the vCPU's state, or why it cannot be had */
async function readCpuState(
  monitor: Monitor,
  cpu: number,
  threadId: number | undefined,
): Promise<CpuDeviceState | string> {
  if (!monitor.saveDeviceState) return 'the GDB stub does not show it, and there is no QMP';
  const directory = await makePrivateDirectory(threadId);
  try {
    const file = join(directory.path, 'device-state');
    await monitor.saveDeviceState(file);
    const state = parseDeviceState(await readFile(file));
    return state.cpus.get(cpu) ?? `QEMU's device state has no vCPU ${cpu}`;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `QEMU's device state cannot be read here: ${why}`;
  } finally {
    await directory.remove();
  }
}
