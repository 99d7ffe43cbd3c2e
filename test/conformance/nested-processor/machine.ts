import type { PagingMode } from '../../../src/paging/index.ts';

/** The hypervisor's paging mode, whose format the nested tables have. */
export type HostMode = Exclude<PagingMode, 'off'>;

/** A processor for the hypervisor: what to tell QEMU, and the walker. */
export interface SvmMachine {
  readonly hostMode: HostMode;
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

/**
 * Where the high memory begins: the highest address bit of the processor, or of a 4 MiB page. Null where there are but 32.
 */
export function highMemoryBase({ hostMode, maxPhyAddr }: SvmMachine): number | null {
  const bits = hostMode === '32-bit' ? Math.min(maxPhyAddr, 40) : maxPhyAddr;
  return bits < 34 ? null : 2 ** (bits - 1);
}
