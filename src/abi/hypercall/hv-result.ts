import type { FaultCause, MemoryType } from '../../paging/index.ts';

/** `HV_TRANSLATE_GVA_RESULT_CODE`. @public */
export const HV_RESULT = {
  Success: 0,
  PageNotPresent: 1,
  PrivilegeViolation: 2,
  InvalidPageTableFlags: 3,
  GpaUnmapped: 4,
  GpaNoReadAccess: 5,
  GpaNoWriteAccess: 6,
  GpaIllegalOverlayAccess: 7,
  Intercept: 8,
  GpaUnaccepted: 9,
} as const;

/** @public */
export type HvResultName = keyof typeof HV_RESULT;

/** `HV_CACHE_TYPE`: the processor's own encoding of memory types. @public */
export const HV_CACHE_TYPE: Readonly<Record<MemoryType, number>> = { UC: 0, WC: 1, WT: 4, WP: 5, WB: 6 };

/** What a walk's failure is to the hypercall. An address that no table is looked up for counts as not present. @internal */
export const HV_RESULT_OF_CAUSE: Readonly<Record<FaultCause, HvResultName>> = {
  'not-present': 'PageNotPresent',
  'non-canonical': 'PageNotPresent',
  'out-of-range': 'PageNotPresent',
  'privilege-violation': 'PrivilegeViolation',
  // The specification knows no LASS; what it takes away is a right.
  lass: 'PrivilegeViolation',
  'reserved-bits': 'InvalidPageTableFlags',
  'unbacked-table': 'GpaUnmapped',
};
