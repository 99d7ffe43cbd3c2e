import { ACCESS_EXEC, ACCESS_SHADOW_STACK, ACCESS_USER, ACCESS_WRITE, ENTRY_RW } from '../rules/architecture.ts';
import { OUTCOME } from '../walk/walk.ts';
import { ACCESS_READ_MODIFY_WRITE, ACCESS_USER_ADDRESS, EPT_XU, LEAF_SHADOW_STACK_HIGH } from './ept-rules.ts';
import type { NestedContext } from './nested-context.ts';
import type { NestedWalk, StageRecord } from './nested-walk.ts';
import { isShadowStackLeaf } from './npt-rules.ts';

/** EXITINFO1 bits above the page-fault error code. APM vol. 2, 15.25.6. */
const NPF_FINAL = 1n << 32n;
const NPF_TABLE = 1n << 33n;
const NPF_SHADOW_STACK_PAGE = 1n << 37n;

/** Exit qualification of an EPT violation. SDM vol. 3C, table 29-7 (27-7). */
const QUALIFICATION = {
  read: 1 << 0,
  write: 1 << 1,
  fetch: 1 << 2,
  rightsShift: 3,
  userExecute: 1 << 6,
  linearAddressValid: 1 << 7,
  finalTranslation: 1 << 8,
  userAddress: 1 << 9,
  guestWritable: 1 << 10,
  guestExecuteDisabled: 1 << 11,
  shadowStack: 1 << 13,
  leafMarked: 1 << 14,
} as const;

/**
 * EXITINFO1 of the nested page fault: a page-fault error code in which the access is a user's, whether a table or the final page
 * was at stake, and whether the leaf gives that page for supervisor shadow stacks. Null where memory that should hold a nested entry is not there and the profile does not say what is read.
 *
 * @internal
 */
export function exitInfo1Of(walk: NestedWalk, nested: NestedContext, record: StageRecord): bigint | null {
  const { translation, purpose } = record;
  if (translation.kind === 'mapped') return null;
  // An address that the nested tables cannot index is one that they do not map.
  const isOutside = translation.cause === 'out-of-range';
  const reported = ACCESS_WRITE | ACCESS_USER | (nested.stage.policy.reportsFetch ? ACCESS_EXEC : 0);
  const code = isOutside ? record.access & reported : translation.errorCode;
  if (code === null) return null;
  const isFinal = purpose === 'final';
  const stack = isFinal ? walk.guest.access & ACCESS_SHADOW_STACK : 0;
  const isStackPage = nested.marksShadowStacks && isShadowStackLeaf(record.leafLow, record.leafHigh);
  return BigInt(code | stack) | (isFinal ? NPF_FINAL : NPF_TABLE) | (isStackPage ? NPF_SHADOW_STACK_PAGE : 0n);
}

function accessBits(access: number): number {
  if (access & ACCESS_READ_MODIFY_WRITE) return QUALIFICATION.read | QUALIFICATION.write;
  if (access & ACCESS_EXEC) return QUALIFICATION.fetch;
  return access & ACCESS_WRITE ? QUALIFICATION.write : QUALIFICATION.read;
}

/**
 * The exit qualification of the EPT violation. Null for a misconfiguration, which has none.
 *
 * @internal
 */
export function exitQualificationOf(walk: NestedWalk, nested: NestedContext, record: StageRecord): bigint | null {
  const { translation, purpose, access, rights } = record;
  if (translation.kind === 'mapped' || translation.cause === 'reserved-bits') return null;
  const isFinal = purpose === 'final';
  const bits =
    accessBits(access) |
    ((rights & 7) << QUALIFICATION.rightsShift) |
    (nested.modeBasedExecute && rights & EPT_XU ? QUALIFICATION.userExecute : 0) |
    QUALIFICATION.linearAddressValid |
    (isFinal ? QUALIFICATION.finalTranslation : 0) |
    (isFinal && walk.guest.access & ACCESS_SHADOW_STACK ? QUALIFICATION.shadowStack : 0) |
    (nested.marksShadowStacks && record.leafHigh & LEAF_SHADOW_STACK_HIGH ? QUALIFICATION.leafMarked : 0) |
    (isFinal && nested.advancedExitInformation ? guestBits(walk, access) : 0);
  return BigInt(bits);
}

function guestBits({ guest }: NestedWalk, access: number): number {
  if (guest.outcome !== OUTCOME.mapped) return 0;
  return (
    (access & ACCESS_USER_ADDRESS ? QUALIFICATION.userAddress : 0) |
    (guest.rights & ENTRY_RW ? QUALIFICATION.guestWritable : 0) |
    (guest.executeDisabled === 0 ? 0 : QUALIFICATION.guestExecuteDisabled)
  );
}
