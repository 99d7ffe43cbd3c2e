import type { ProbeMachine } from './machine.ts';

/** Every mode, with physical addresses of several widths, and with features absent that TCG then does not miss, also in system
 * management mode. */
export const standardMachines: readonly ProbeMachine[] = [
  { mode: '4-level', maxPhyAddr: 40 },
  { mode: '4-level', maxPhyAddr: 52, vendor: 'amd' },
  { mode: '4-level', maxPhyAddr: 36, vendor: 'intel', pdpe1gb: false },
  { mode: '5-level', maxPhyAddr: 46 },
  { mode: '5-level', maxPhyAddr: 52, pdpe1gb: false },
  { mode: '5-level', maxPhyAddr: 32 },
  { mode: 'pae', maxPhyAddr: 40 },
  { mode: 'pae', maxPhyAddr: 52, vendor: 'intel' },
  { mode: 'pae', maxPhyAddr: 32 },
  { mode: '4-level', maxPhyAddr: 48, smm: true },
  { mode: 'pae', maxPhyAddr: 36, smm: true },
  { mode: '32-bit', maxPhyAddr: 40 },
  { mode: '32-bit', maxPhyAddr: 36, pse36: false },
  { mode: '32-bit', maxPhyAddr: 32 },
];
