import {
  CR0_PG,
  CR0_WP,
  CR4_LA57,
  CR4_PAE,
  CR4_PKE,
  CR4_PKS,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_NXE,
  RFLAGS_AC,
} from '../../../../src/paging/index.ts';
import type { Random } from '../../../support/random/random.ts';
import type { PagedMode } from '../paged-mode.ts';

/** All of a record's registers but CR3, as numbers. */
export interface ProbeRegisters {
  readonly cr0: number;
  readonly cr4: number;
  readonly efer: number;
  readonly flags: number;
  readonly pkru: number;
  readonly pkrs: number;
}

const CR0_BASE = Number(CR0_PG) + 0x11;
/** MP, NE, AM and CD: none has to do with translation. */
const CR0_IDLE = 0x4004_0022;
/** TSD, DE, PSE, MCE, PGE, PCE, OSFXSR, OSXMMEXCPT, UMIP: nor these, but for PSE in 32-bit mode. */
const CR4_IDLE = 0xfdc;
const CR4_JUDGING = Number(CR4_SMEP | CR4_SMAP | CR4_PKE | CR4_PKS);
const EFER_LME = 0x100;
const EFER_SCE = 1;
/** CF, PF, AF, ZF, SF, DF, OF, and bit 1, which is always set. */
const FLAGS_IDLE = 0xcd5;
const FLAGS_ONE = 2;
/** The kernel's own pages have key 15. */
const PKRS_KERNEL_KEY = 0xc000_0000;

/** Registers that a processor can have in a mode, bits that must not matter included. */
export function randomRegisters(random: Random, mode: PagedMode): ProbeRegisters {
  const isLong = mode === '4-level' || mode === '5-level';
  const la57 = mode === '5-level' || (!isLong && random.chance(25)) ? Number(CR4_LA57) : 0;
  const pae = mode === '32-bit' ? 0 : Number(CR4_PAE);
  return {
    cr0: (CR0_BASE | (random.uint32() & CR0_IDLE) | (random.chance(65) ? Number(CR0_WP) : 0)) >>> 0,
    cr4: (random.uint32() & (CR4_IDLE | CR4_JUDGING)) | pae | la57,
    efer:
      (isLong ? EFER_LME | Number(EFER_LMA) : 0) |
      (random.chance(80) ? Number(EFER_NXE) : 0) |
      (random.uint32() & EFER_SCE),
    flags: FLAGS_ONE | (random.uint32() & FLAGS_IDLE) | (random.chance(50) ? Number(RFLAGS_AC) : 0),
    pkru: randomKeys(random),
    pkrs: (randomKeys(random) & ~PKRS_KERNEL_KEY) >>> 0,
  };
}

/** Each key denies something in one of two cases. */
function randomKeys(random: Random): number {
  return (random.uint32() & random.uint32()) >>> 0;
}
