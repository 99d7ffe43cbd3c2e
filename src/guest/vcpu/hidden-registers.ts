import {
  type CpuDeviceState,
  readPdptrs,
  readPkrs,
  readPkru,
  runsNestedUnderKvm,
} from '../../../protocols/qmp/index.ts';
import { CR4_SMEP, formatHex } from '../../paging/index.ts';
import type { SavedRegister, UnavailableCause } from '../causes/unavailable-cause.ts';
import type { Monitor } from '../monitor/monitor.ts';
import { dependsOnSmep, type NestedStage, nestedStageOf } from './nested-state.ts';
import { type OpenStateFile, readCpuState } from './read-cpu-state.ts';
import { assumed, notInUse, type Sourced, sourced } from './sourced.ts';
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
  pkru: notInUse(0, { code: 'no-protection-keys', bit: 'PKE' }),
  pkrs: notInUse(0, { code: 'no-protection-keys', bit: 'PKS' }),
  pdptes: notInUse(null, { code: 'no-pdpte-registers' }),
  nested: notInUse(null, { code: 'svm-off' }),
  hypervisorSmep: notInUse(false, { code: 'smep-decides-nothing' }),
};

/**
 * Reads them out of QEMU's device state. QEMU leaves out a PKRU or PKRS that is 0.
 *
 * @param openFile - what QEMU's device state is written into
 * @param seen - has what TCG keeps of a hypervisor while its guest runs
 * @internal
 */
export async function readHiddenRegisters(
  monitor: Monitor,
  cpu: number,
  openFile: OpenStateFile,
  seen: SeenMemory,
): Promise<HiddenRegisters> {
  const state = await readCpuState(monitor, cpu, openFile);
  if ('code' in state) return assumedHiddenRegisters(() => state);
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
 * @param causeOf - told which it is
 * @internal
 */
export function assumedHiddenRegisters(causeOf: (register: SavedRegister) => UnavailableCause): HiddenRegisters {
  return {
    pkru: assumed(0, causeOf('pkru')),
    pkrs: assumed(0, causeOf('pkrs')),
    pdptes: assumed(null, causeOf('pdptes')),
    nested: assumed(null, causeOf('nested')),
    hypervisorSmep: NO_HIDDEN_REGISTERS.hypervisorSmep,
  };
}

function nestedOf(state: CpuDeviceState): Sourced<NestedStage | null> {
  if (runsNestedUnderKvm(state)) return assumed(null, { code: 'kvm-hides-nested-tables' });
  return sourced(nestedStageOf(state), 'device-state', 'section cpu, subsection cpu/svn_npt');
}

/** QEMU's nested state leaves SMEP out of the hypervisor's paging mode. #VMEXIT takes CR4 from the host-save area. */
async function hypervisorSmepOf(
  { vmHsave }: CpuDeviceState,
  nested: NestedStage | null,
  seen: SeenMemory,
): Promise<Sourced<boolean>> {
  if (nested === null || !dependsOnSmep(nested)) return NO_HIDDEN_REGISTERS.hypervisorSmep;
  const cr4 = await readVmcbField(Number(vmHsave) + VMCB_CR4, seen);
  if (cr4 === null) return assumed(false, { code: 'host-save-area-unbacked', address: vmHsave });
  return sourced((cr4 & CR4_SMEP) !== 0n, 'device-state', `CR4 in the host-save area at ${formatHex(vmHsave)}`);
}

function pdptesOf(cpu: CpuDeviceState): Pdptes | null {
  const [first, second, third, fourth] = readPdptrs(cpu) ?? [];
  return first === undefined || second === undefined || third === undefined || fourth === undefined
    ? null
    : [first, second, third, fourth];
}
