import type { PagingMode } from '../../../src/paging/index.ts';

/** A mode that the probe kernels can be in. */
export type ProbeMode = Exclude<PagingMode, 'off'>;

/** A processor for the guest: what to tell QEMU, and the walker. */
export interface ProbeMachine {
  readonly mode: ProbeMode;
  readonly maxPhyAddr: number;
  readonly vendor?: 'intel' | 'amd';
  readonly pse36?: boolean;
  readonly pdpe1gb?: boolean;
}

/** QEMU's `-cpu` for a machine. */
export function cpuOption({ maxPhyAddr, vendor, pse36, pdpe1gb }: ProbeMachine): string {
  const words = ['max', `phys-bits=${maxPhyAddr}`];
  if (vendor !== undefined) words.push(`vendor=${vendor === 'amd' ? 'AuthenticAMD' : 'GenuineIntel'}`);
  if (pse36 !== undefined) words.push(`pse36=${onOff(pse36)}`);
  if (pdpe1gb !== undefined) words.push(`pdpe1gb=${onOff(pdpe1gb)}`);
  return words.join(',');
}

/**
 * Where the high memory begins: the highest address bit of the processor, or of a 4 MiB page. Null where there are but 32.
 */
export function highMemoryBase({ mode, maxPhyAddr }: ProbeMachine): number | null {
  const bits = mode === '32-bit' ? Math.min(maxPhyAddr, 40) : maxPhyAddr;
  return bits < 34 ? null : 2 ** (bits - 1);
}

/** A machine as options of main.ts. */
export function formatMachineOptions({ mode, maxPhyAddr, vendor, pse36, pdpe1gb }: ProbeMachine): string {
  const words = [`--mode ${mode} --phys-bits ${maxPhyAddr}`];
  if (vendor !== undefined) words.push(`--vendor ${vendor}`);
  if (pse36 === false) words.push('--no-pse36');
  if (pdpe1gb === false) words.push('--no-pdpe1gb');
  return words.join(' ');
}

function onOff(value: boolean): string {
  return value ? 'on' : 'off';
}
