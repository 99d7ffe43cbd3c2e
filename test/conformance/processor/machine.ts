import type { PagedMode } from '../processor-rig/paged-mode.ts';

/** A processor for the guest: what to tell QEMU, and the walker. */
export interface ProbeMachine {
  readonly mode: PagedMode;
  readonly maxPhyAddr: number;
  readonly vendor?: 'intel' | 'amd';
  readonly pse36?: boolean;
  readonly pdpe1gb?: boolean;
  /** Whether its vCPU stays in system management mode. */
  readonly smm?: boolean;
}

/** QEMU's `-cpu` for a machine. */
export function cpuOption({ maxPhyAddr, vendor, pse36, pdpe1gb }: ProbeMachine): string {
  const words = ['max', `phys-bits=${maxPhyAddr}`];
  if (vendor !== undefined) words.push(`vendor=${vendor === 'amd' ? 'AuthenticAMD' : 'GenuineIntel'}`);
  if (pse36 !== undefined) words.push(`pse36=${onOff(pse36)}`);
  if (pdpe1gb !== undefined) words.push(`pdpe1gb=${onOff(pdpe1gb)}`);
  return words.join(',');
}

/** A machine as options of main.ts. */
export function formatMachineOptions({ mode, maxPhyAddr, vendor, pse36, pdpe1gb, smm }: ProbeMachine): string {
  const words = [`--mode ${mode} --phys-bits ${maxPhyAddr}`];
  if (vendor !== undefined) words.push(`--vendor ${vendor}`);
  if (pse36 === false) words.push('--no-pse36');
  if (pdpe1gb === false) words.push('--no-pdpe1gb');
  if (smm) words.push('--smm');
  return words.join(' ');
}

function onOff(value: boolean): string {
  return value ? 'on' : 'off';
}
