import type { PagingContext } from '../rules/context.ts';

/** A second stage of translation: L2 physical to L1 physical. Make it with `createNpt` or `createEpt`. @public */
export interface NestedContext {
  readonly kind: 'npt' | 'ept';
  /** @internal The stage as a context of walks: what it translates are guest physical addresses. */
  readonly stage: PagingContext;
  /**
   * @internal Whether reading a guest table counts as writing it: always (NPT, and EPT with the A/D flag), or only where an A or
   * D bit of the guest has to be set. APM vol. 2, 15.25.5; SDM vol. 3C, 31.3.3.2.
   */
  readonly writesTables: 'always' | 'when-bits-are-missing';
  /** @internal NPT with the guest mode execute trap: the guest's accesses to pages are told apart by its CPL. */
  readonly guestModeExecuteTrap: boolean;
  /** @internal */
  readonly modeBasedExecute: boolean;
  /** @internal EPTP bit 7; NPT with the supervisor shadow-stack check. */
  readonly marksShadowStacks: boolean;
  /** @internal */
  readonly advancedExitInformation: boolean;
}
