import { PagingInputError } from '../errors.ts';
import { CR0_PG, CR0_WP, CR4_LA57, CR4_PAE, CR4_PSE, CR4_SMEP, EFER_LMA, EFER_NXE } from '../rules/architecture.ts';
import { createContext, type ProcessorFeatures } from '../rules/context.ts';
import type { NestedContext } from './nested-context.ts';

/** The host's registers at VMRUN: they say how the nested tables are laid out. APM vol. 2, 15.25.3. @public */
export interface NptRegisters {
  readonly cr0: bigint;
  /** nCR3 of the VMCB. */
  readonly nestedCr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  /** GMET_ENABLE of the VMCB (offset 90h, bit 3): guest mode execute trap. Default false. */
  readonly guestModeExecuteTrap?: boolean;
  /** SSSCheckEn of the VMCB (offset 90h, bit 4): supervisor shadow-stack restrictions. Not supported: refused. */
  readonly supervisorShadowStackCheck?: boolean;
}

/**
 * AMD's second stage: ordinary tables in the host's paging mode, in which every access is a user's. SMEP, SMAP and keys have no
 * part in it; SMEP still decides whether a fetch is reported. With the guest mode execute trap the page itself is accessed as the
 * guest does, at CPL 3 or below, and pages with U/S=1 are executable at CPL 3 alone; walks of guest tables stay a user's.
 *
 * @throws PagingInputError, as `createContext`; `ERR_PAGING_UNSUPPORTED` for the supervisor shadow-stack check.
 * @public
 */
export function createNpt(registers: NptRegisters, processor: ProcessorFeatures): NestedContext {
  const { cr0, nestedCr3, cr4, efer, guestModeExecuteTrap = false } = registers;
  if (registers.supervisorShadowStackCheck) {
    throw new PagingInputError('ERR_PAGING_UNSUPPORTED', 'the supervisor shadow-stack check of NPT is not supported');
  }
  const format = {
    cr0: cr0 | CR0_WP,
    cr3: nestedCr3,
    cr4: cr4 & (CR4_PAE | CR4_PSE | CR4_LA57),
    efer: efer & (EFER_LMA | EFER_NXE),
  };
  // TCG since 7.2.15 takes a host without PAE for one without paging.
  const isIdentity = processor.profile?.legacyNptIsIdentity === true && !(cr4 & CR4_PAE);
  const stage = createContext(isIdentity ? { ...format, cr0: format.cr0 & ~CR0_PG } : format, processor);
  const judgesSupervisors = guestModeExecuteTrap && stage.profile.guestModeExecuteTrap;
  const countsSmep = stage.profile.nestedFetchReportFromSmep && (cr4 & CR4_SMEP) !== 0n;
  return {
    kind: 'npt',
    stage: {
      ...stage,
      linearAddress: {
        ...stage.linearAddress,
        checksCanonical: false,
        // TCG looks at the bits that index tables, and at no others.
        isUnsigned: stage.profile.checksGuestPhysicalWidth,
      },
      policy: { ...stage.policy, smep: judgesSupervisors, reportsFetch: stage.policy.reportsFetch || countsSmep },
    },
    writesTables: 'always',
    judgesSupervisors,
    modeBasedExecute: false,
    marksShadowStacks: false,
    advancedExitInformation: false,
  };
}
