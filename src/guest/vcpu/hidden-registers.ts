import {
  type CpuDeviceState,
  readPdptrs,
  readPkrs,
  readPkru,
  runsNestedUnderKvm,
} from '../../../protocols/qmp/index.ts';
import { CR4_SMEP, formatHex } from '../../paging/index.ts';
import type { Monitor } from '../monitor/monitor.ts';
import { dependsOnSmep, type NestedStage, nestedStageOf } from './nested-state.ts';
import { type OpenDirectory, readCpuState } from './read-cpu-state.ts';
import { type Sourced, sourced } from './sourced.ts';
import { readVmcbField, type SeenMemory, VMCB_CR4 } from './vmcb.ts';

/** The PDPTE registers of PAE paging. @public */
export type Pdptes = readonly [bigint, bigint, bigint, bigint];

/** What no GDB stub shows. @public */
export interface HiddenRegisters {
  readonly pkru: Sourced<number>;
  readonly pkrs: Sourced<number>;
  /** Null where the guest's machine reads PDPTEs from memory, or where the registers are unavailable. */
  readonly pdptes: Sourced<Pdptes | null>;
  /** The second stage of the guest that the vCPU runs for a hypervisor in it; null where it runs none. */
  readonly nested: Sourced<NestedStage | null>;
  /** CR4.SMEP of that guest's hypervisor, where it says whether nested page faults report fetches. */
  readonly hypervisorSmep: Sourced<boolean>;
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
  hypervisorSmep: sourced(false, 'not-in-use', 'no NPT, or one whose hypervisor has EFER.NXE=1, which reports fetches'),
};

/**
 * Reads them out of QEMU's device state. QEMU leaves out a PKRU or PKRS that is 0.
 *
 * @param openDirectory - where QEMU's device state is to be written
 * @param seen - has what TCG keeps of a hypervisor while its guest runs
 * @internal
 */
export async function readHiddenRegisters(
  monitor: Monitor,
  cpu: number,
  openDirectory: OpenDirectory,
  seen: SeenMemory,
): Promise<HiddenRegisters> {
  const state = await readCpuState(monitor, cpu, openDirectory);
  if (typeof state === 'string') return assumedHiddenRegisters(() => state);
  const nested = nestedOf(state);
  const from = (name: string): string => `section cpu, subsection cpu/${name}`;
  return {
    pkru: sourced(readPkru(state), 'device-state', from('pkru')),
    pkrs: sourced(readPkrs(state), 'device-state', from('pkrs')),
    pdptes: sourced(pdptesOf(state), 'device-state', from('pdptrs')),
    nested,
    hypervisorSmep: await hypervisorSmepOf(state, nested.value, seen),
  };
}

/**
 * What is taken for them where they are unavailable.
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
    hypervisorSmep: NO_HIDDEN_REGISTERS.hypervisorSmep,
  };
}

function nestedOf(state: CpuDeviceState): Sourced<NestedStage | null> {
  if (runsNestedUnderKvm(state)) {
    const why = 'the vCPU runs a nested guest (L2), and KVM does not show its nested tables: pass them with --nested';
    return sourced(null, 'assumed', why);
  }
  return sourced(nestedStageOf(state), 'device-state', 'section cpu, subsection cpu/svn_npt');
}

/** QEMU's nested state leaves SMEP out of the hypervisor's paging mode. #VMEXIT takes CR4 from the host-save area. */
async function hypervisorSmepOf(
  { vmHsave }: CpuDeviceState,
  nested: NestedStage | null,
  seen: SeenMemory,
): Promise<Sourced<boolean>> {
  if (nested === null || !dependsOnSmep(nested)) return NO_HIDDEN_REGISTERS.hypervisorSmep;
  const place = `the host-save area at ${formatHex(vmHsave)}`;
  const cr4 = await readVmcbField(Number(vmHsave) + VMCB_CR4, seen);
  if (cr4 === null)
    return sourced(false, 'assumed', `${place} is not in memory; --nested npt:ROOT,MODE,smep states it`);
  return sourced((cr4 & CR4_SMEP) !== 0n, 'device-state', `CR4 in ${place}`);
}

function pdptesOf(cpu: CpuDeviceState): Pdptes | null {
  const [first, second, third, fourth] = readPdptrs(cpu) ?? [];
  return first === undefined || second === undefined || third === undefined || fourth === undefined
    ? null
    : [first, second, third, fourth];
}
