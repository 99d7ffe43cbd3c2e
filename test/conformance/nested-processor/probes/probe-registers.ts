import { CR0_PG, CR4_PSE, type PagingMode } from '../../../../src/paging/index.ts';
import type { Random } from '../../../support/random/random.ts';
import type { PagedMode } from '../../processor-rig/paged-mode.ts';
import { type ProbeRegisters, randomRegisters } from '../../processor-rig/random/random-registers.ts';

const EFER_SVME = 0x1000;

/** Registers of the hypervisor when it starts the guest. With 32-bit paging it has large pages itself. */
export function randomHostRegisters(random: Random, mode: PagedMode): ProbeRegisters {
  const registers = randomRegisters(random, mode);
  const pse = mode === '32-bit' ? Number(CR4_PSE) : 0;
  return { ...registers, cr4: registers.cr4 | pse, efer: registers.efer | EFER_SVME };
}

/** Registers of the guest. VMRUN wants EFER.SVME there too. APM vol. 2, 15.5.1. */
export function randomGuestRegisters(random: Random, mode: PagingMode): ProbeRegisters {
  const registers = randomRegisters(random, mode === 'off' ? random.pick(['32-bit', 'pae']) : mode);
  const pg = mode === 'off' ? Number(CR0_PG) : 0;
  return { ...registers, cr0: (registers.cr0 & ~pg) >>> 0, efer: registers.efer | EFER_SVME };
}
