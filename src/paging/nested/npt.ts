import { PagingInputError } from '../errors.ts';
import { CR0_PG, CR4_LA57, CR4_PAE, CR4_PSE, CR4_SMEP, EFER_LMA, EFER_NXE } from '../rules/architecture.ts';
import { createContext, type ProcessorFeatures } from '../rules/context.ts';
import type { NestedContext } from './nested-context.ts';
import { NPT_RULES } from './npt-rules.ts';

/** The hypervisor's registers at VMRUN: they say how the nested tables are laid out. APM vol. 2, 15.25.3. @public */
export interface NptRegisters {
  readonly cr0: bigint;
  /** nCR3 of the VMCB. */
  readonly nestedCr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  /** GMET_ENABLE of the VMCB (offset 90h, bit 3): guest mode execute trap. Default false. */
  readonly guestModeExecuteTrap?: boolean;
  /** SSSCheckEn of the VMCB (offset 90h, bit 4): supervisor shadow-stack check. Without PAE or EFER.NXE ignored. Default false. */
  readonly supervisorShadowStackCheck?: boolean;
  /** Read-only guest page tables (offset 90h, bit 6). Not supported: refused. */
  readonly readOnlyGuestTables?: boolean;
}

/**
 * AMD's second stage: ordinary tables in the hypervisor's paging mode, in which every access is a user's. SMEP, SMAP and keys have
 * no part in it; SMEP still decides whether a fetch is reported. With the guest mode execute trap, pages with U/S=1 are executable
 * at CPL 3 alone, and U/S=0 forbids nothing. With the supervisor shadow-stack check, supervisor shadow-stack accesses are
 * allowed to pages with NX=1 and U/S=0 in the last entry alone.
 *
 * @throws PagingInputError, as `createContext`; `ERR_PAGING_UNSUPPORTED` for read-only guest page tables.
 * @public
 */
export function createNpt(registers: NptRegisters, processor: ProcessorFeatures): NestedContext {
  const { cr0, nestedCr3, cr4, efer } = registers;
  if (registers.readOnlyGuestTables) {
    throw new PagingInputError('ERR_PAGING_UNSUPPORTED', 'read-only guest page tables of NPT are not supported');
  }
  const format = {
    cr0,
    cr3: nestedCr3,
    cr4: cr4 & (CR4_PAE | CR4_PSE | CR4_LA57),
    efer: efer & (EFER_LMA | EFER_NXE),
  };
  // TCG since 7.2.15 takes a hypervisor without PAE for one without paging.
  const isIdentity = processor.profile?.legacyNptIsIdentity === true && !(cr4 & CR4_PAE);
  const stage = createContext(isIdentity ? { ...format, cr0: format.cr0 & ~CR0_PG } : format, processor);
  const guestModeExecuteTrap = registers.guestModeExecuteTrap === true && stage.profile.guestModeExecuteTrap;
  // APM vol. 2, 15.25.14: only with PAE and no-execute; elsewhere the bit is ignored in silence.
  const supervisorShadowStack =
    registers.supervisorShadowStackCheck === true &&
    stage.profile.supervisorShadowStackCheck &&
    stage.policy.executeDisableHigh !== 0;
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
      policy: {
        ...stage.policy,
        guestModeExecuteTrap,
        supervisorShadowStack,
        reportsFetch: stage.policy.reportsFetch || countsSmep,
      },
      rules: NPT_RULES,
    },
    writesTables: 'always',
    guestModeExecuteTrap,
    modeBasedExecute: false,
    marksShadowStacks: supervisorShadowStack,
    advancedExitInformation: false,
  };
}
