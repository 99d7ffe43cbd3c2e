import {
  CR0_PG,
  CR0_WP,
  CR3_LAM_U48,
  CR3_LAM_U57,
  CR4_CET,
  CR4_LA57,
  CR4_LAM_SUP,
  CR4_LASS,
  CR4_PAE,
  CR4_PKE,
  CR4_PKS,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_NXE,
  EFER_UAIE,
  RFLAGS_AC,
} from './architecture.ts';

/**
 * Every control-register bit that a translation depends on, by register and by the manuals' names: what a report spells out and
 * what a "what if" question may change.
 *
 * @public
 */
export const REGISTER_BITS = {
  CR0: { PG: CR0_PG, WP: CR0_WP },
  CR3: { LAM_U57: CR3_LAM_U57, LAM_U48: CR3_LAM_U48 },
  CR4: {
    PSE: CR4_PSE,
    PAE: CR4_PAE,
    LA57: CR4_LA57,
    SMEP: CR4_SMEP,
    SMAP: CR4_SMAP,
    PKE: CR4_PKE,
    CET: CR4_CET,
    PKS: CR4_PKS,
    LASS: CR4_LASS,
    LAM_SUP: CR4_LAM_SUP,
  },
  EFER: { LMA: EFER_LMA, NXE: EFER_NXE, UAIE: EFER_UAIE },
  RFLAGS: { AC: RFLAGS_AC },
} as const satisfies Readonly<Record<string, Readonly<Record<string, bigint>>>>;
