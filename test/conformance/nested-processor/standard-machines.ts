import type { SvmMachine } from './machine.ts';

/** Every mode of a hypervisor, with physical addresses of several widths, and without a feature that TCG then does not miss. */
export const standardMachines: readonly SvmMachine[] = [
  { hostMode: '4-level', maxPhyAddr: 40 },
  { hostMode: '4-level', maxPhyAddr: 52, pdpe1gb: false },
  { hostMode: '5-level', maxPhyAddr: 52 },
  { hostMode: '5-level', maxPhyAddr: 36 },
  { hostMode: 'pae', maxPhyAddr: 40 },
  { hostMode: 'pae', maxPhyAddr: 33 },
  { hostMode: '32-bit', maxPhyAddr: 40 },
];
