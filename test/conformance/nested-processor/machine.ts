import type { PagedMode } from '../processor-rig/paged-mode.ts';

/** A processor for the hypervisor: what to tell QEMU, and the walker. */
export interface SvmMachine {
  /** The hypervisor's paging mode, whose format the nested tables have. */
  readonly hostMode: PagedMode;
  readonly maxPhyAddr: number;
  readonly pdpe1gb?: boolean;
}

/** QEMU's `-cpu` for a machine. */
export function cpuOption({ maxPhyAddr, pdpe1gb }: SvmMachine): string {
  const words = ['max,+svm,+npt', `phys-bits=${maxPhyAddr}`];
  if (pdpe1gb !== undefined) words.push(`pdpe1gb=${pdpe1gb ? 'on' : 'off'}`);
  return words.join(',');
}

/** A machine as options of main.ts. */
export function formatMachineOptions({ hostMode, maxPhyAddr, pdpe1gb }: SvmMachine): string {
  return `--host ${hostMode} --phys-bits ${maxPhyAddr}${pdpe1gb === false ? ' --no-pdpe1gb' : ''}`;
}
