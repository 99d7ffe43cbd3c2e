import type { CpuDeviceState } from '../../../protocols/qmp/index.ts';
import { formatHex, type HypervisorMemoryTypes, type MemoryTypeRegisters, PAT_AT_RESET } from '../../paging/index.ts';
import type { UnavailableCause } from '../causes/unavailable-cause.ts';
import type { Monitor } from '../monitor/monitor.ts';
import { nestedStageOf } from './nested-state.ts';
import { type OpenStateFile, readCpuState } from './read-cpu-state.ts';
import { assumed, type Sourced, sourced } from './sourced.ts';
import { readVmcbField, type SeenMemory, VMCB_CR0, VMCB_G_PAT } from './vmcb.ts';

/** PAT and MTRRs: what decides how memory is cached, beside CR0.CD and MAXPHYADDR. @public */
export interface MemoryTypeMsrs extends Omit<MemoryTypeRegisters, 'cr0' | 'maxPhyAddr'> {
  /**
   * The hypervisor's, while the vCPU runs its guest behind nested tables; `pat` is that guest's then. Null where it runs none.
   * Assumed, both PATs with it, where QEMU's memory does not have what VMRUN took or left.
   */
  readonly hypervisor: Sourced<HypervisorMemoryTypes> | null;
}

const ASSUMED: MemoryTypeMsrs = {
  pat: PAT_AT_RESET,
  mtrrDefType: 0n,
  mtrrFixed: [],
  mtrrVariable: [],
  hasMtrrs: false,
  hypervisor: null,
};

/** PAT and MTRRs that cannot be read: the PAT as at reset, and write-back throughout. @internal */
export function assumedMemoryTypes(cause: UnavailableCause): Sourced<MemoryTypeMsrs> {
  return assumed(ASSUMED, cause);
}

/**
 * Reads PAT and MTRRs out of QEMU's device state. Where that is unavailable, memory is taken for write-back but for what the
 * PAT at reset says.
 *
 * @param qomPath - of a vCPU, where known
 * @internal
 */
export async function readMemoryTypes(
  monitor: Monitor,
  cpu: number,
  { qomPath, openFile }: { readonly qomPath: string | undefined; readonly openFile: OpenStateFile },
  seen: SeenMemory,
): Promise<Sourced<MemoryTypeMsrs>> {
  const [state, hasMtrrs] = await Promise.all([
    readCpuState(monitor, cpu, openFile),
    qomPath === undefined ? undefined : monitor.qomGet(qomPath, 'mtrr'),
  ]);
  if ('code' in state) return assumedMemoryTypes(state);
  const { mtrr } = state;
  return sourced(
    {
      ...(nestedStageOf(state) === null ? { pat: state.pat, hypervisor: null } : await readBothPats(state, seen)),
      mtrrDefType: mtrr.defType,
      mtrrFixed: mtrr.fixed,
      mtrrVariable: mtrr.variable,
      hasMtrrs: hasMtrrs !== false,
    },
    'device-state',
    'section cpu, pat and mtrr',
  );
}

/**
 * A processor has a PAT for the guest and keeps the hypervisor's beside it (APM vol. 2, 15.25.4). TCG has one, which VMRUN leaves alone
 * (7.2 to 10.0): that is the hypervisor's, and the guest's is where VMRUN would take it from.
 */
async function readBothPats(
  { pat, vmVmcb, vmHsave }: CpuDeviceState,
  seen: SeenMemory,
): Promise<Pick<MemoryTypeMsrs, 'pat' | 'hypervisor'>> {
  const [guestPat, hostCr0] = await Promise.all([
    readVmcbField(Number(vmVmcb) + VMCB_G_PAT, seen),
    readVmcbField(Number(vmHsave) + VMCB_CR0, seen),
  ]);
  if (guestPat === null || hostCr0 === null) {
    const hypervisor = assumed({ pat, cr0: 0n }, { code: 'vmcb-unbacked', vmcb: vmVmcb, hostSaveArea: vmHsave });
    return { pat: PAT_AT_RESET, hypervisor };
  }
  const places = `the VMCB at ${formatHex(vmVmcb)} and the host-save area at ${formatHex(vmHsave)}`;
  return { pat: guestPat, hypervisor: sourced({ pat, cr0: hostCr0 }, 'device-state', `section cpu, pat; ${places}`) };
}
