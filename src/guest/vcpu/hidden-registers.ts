import {
  type CpuDeviceState,
  readPdptrs,
  readPkrs,
  readPkru,
  runsNestedUnderKvm,
} from '../../../protocols/qmp/index.ts';
import type { Monitor } from '../monitor/monitor.ts';
import { type NestedStage, nestedStageOf } from './nested-state.ts';
import { type OpenDirectory, readCpuState } from './read-cpu-state.ts';
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

/** Which of them a question consults, and does not give itself. @internal */
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
 * Reads them out of QEMU's device state. QEMU leaves out a PKRU or PKRS that is 0.
 *
 * @param openDirectory - where QEMU's device state is to be written
 * @internal
 */
export async function readHiddenRegisters(
  monitor: Monitor,
  cpu: number,
  openDirectory: OpenDirectory,
): Promise<HiddenRegisters> {
  const state = await readCpuState(monitor, cpu, openDirectory);
  if (typeof state === 'string') return assumedHiddenRegisters(() => state);
  const from = (name: string): string => `section cpu, subsection cpu/${name}`;
  return {
    pkru: sourced(readPkru(state), 'device-state', from('pkru')),
    pkrs: sourced(readPkrs(state), 'device-state', from('pkrs')),
    pdptes: sourced(pdptesOf(state), 'device-state', from('pdptrs')),
    nested: nestedOf(state),
  };
}

/**
 * What is taken for them where they cannot be had.
 *
 * @param why - told what each is
 * @internal
 */
export function assumedHiddenRegisters(why: (what: string) => string): HiddenRegisters {
  return {
    pkru: sourced(0, 'assumed', why('PKRU')),
    pkrs: sourced(0, 'assumed', why('PKRS')),
    pdptes: sourced(null, 'assumed', why('a PDPTE register')),
    nested: sourced(null, 'assumed', why('the nested state')),
  };
}

function nestedOf(state: CpuDeviceState): Sourced<NestedStage | null> {
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
