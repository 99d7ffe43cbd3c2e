import {
  type CpuDeviceState,
  readPdptrs,
  readPkrs,
  readPkru,
  runsNestedUnderKvm,
} from '../../../protocols/qmp/index.ts';
import type { Monitor } from '../monitor/monitor.ts';
import { type NestedStage, nestedStageOf } from './nested-state.ts';
import { readCpuState } from './read-cpu-state.ts';
import { type Sourced, sourced } from './sourced.ts';

/** The PDPTE registers of PAE paging. @public */
export type Pdptes = readonly [bigint, bigint, bigint, bigint];

/** What no GDB stub shows. @public */
export interface HiddenRegisters {
  readonly pkru: Sourced<number>;
  readonly pkrs: Sourced<number>;
  /** Null where the guest's machine reads PDPTEs from memory, or where the registers could not be had. */
  readonly pdptes: Sourced<Pdptes | null>;
  /** The second stage of the guest that the vCPU runs for a hypervisor in it; null where it runs none. */
  readonly nested: Sourced<NestedStage | null>;
}

/** Which of them the modes in use consult. @internal */
export interface HiddenRegistersInUse {
  readonly pkru: boolean;
  readonly pkrs: boolean;
  readonly pdptes: boolean;
  readonly nested: boolean;
}

/** What a vCPU has that uses none of them. @internal */
export const NO_HIDDEN_REGISTERS: HiddenRegisters = {
  pkru: sourced(0, 'not-in-use', 'CR4.PKE=0, or not in long mode'),
  pkrs: sourced(0, 'not-in-use', 'CR4.PKS=0, or not in long mode'),
  pdptes: sourced(null, 'not-in-use', 'no PAE paging, or TCG, which reads PDPTEs from memory'),
  nested: sourced(null, 'not-in-use', 'EFER.SVME=0'),
};

/**
 * Reads them out of QEMU's device state, if the modes in use need any. QEMU leaves out a PKRU or PKRS that is 0.
 *
 * @param threadId - of a QEMU thread on this host, where known
 * @internal
 */
export async function readHiddenRegisters(
  monitor: Monitor,
  cpu: number,
  inUse: HiddenRegistersInUse,
  threadId: number | undefined,
): Promise<HiddenRegisters> {
  if (!inUse.pkru && !inUse.pkrs && !inUse.pdptes && !inUse.nested) return NO_HIDDEN_REGISTERS;
  const state = await readCpuState(monitor, cpu, threadId);
  const read = <T>(name: string, fallback: T, of: (cpu: CpuDeviceState) => T): Sourced<T> =>
    typeof state === 'string'
      ? sourced(fallback, 'assumed', state)
      : sourced(of(state), 'device-state', `section cpu, subsection cpu/${name}`);
  return {
    pkru: inUse.pkru ? read('pkru', 0, readPkru) : NO_HIDDEN_REGISTERS.pkru,
    pkrs: inUse.pkrs ? read('pkrs', 0, readPkrs) : NO_HIDDEN_REGISTERS.pkrs,
    pdptes: inUse.pdptes ? read('pdptrs', null, pdptesOf) : NO_HIDDEN_REGISTERS.pdptes,
    nested: inUse.nested ? nestedOf(state) : NO_HIDDEN_REGISTERS.nested,
  };
}

function nestedOf(state: CpuDeviceState | string): Sourced<NestedStage | null> {
  if (typeof state === 'string') return sourced(null, 'assumed', state);
  if (runsNestedUnderKvm(state)) {
    const why =
      'the vCPU runs the guest of a hypervisor, and KVM does not show its nested tables: say with --nested where they are';
    return sourced(null, 'assumed', why);
  }
  return sourced(nestedStageOf(state), 'device-state', 'section cpu, subsection cpu/svn_npt');
}

function pdptesOf(cpu: CpuDeviceState): Pdptes | null {
  const [first, second, third, fourth] = readPdptrs(cpu) ?? [];
  return first === undefined || second === undefined || third === undefined || fourth === undefined
    ? null
    : [first, second, third, fourth];
}
