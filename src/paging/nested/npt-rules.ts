import {
  ACCESS_EXEC,
  ACCESS_SUPERVISOR_SHADOW_STACK,
  ACCESS_USER,
  ACCESS_WRITE,
  ENTRY_RW,
  ENTRY_US,
  ENTRY_XD_HIGH,
} from '../rules/architecture.ts';
import { type AccessRules, DENIED, ORDINARY_RULES, type PageRights, type Policy } from '../rules/rights.ts';

/** A leaf that gives its page for supervisor shadow stacks: NX=1 and U/S=0. APM vol. 2, 15.25.14. @internal */
export function isShadowStackLeaf(low: number, high: number): boolean {
  return (high & ENTRY_XD_HIGH) !== 0 && (low & ENTRY_US) === 0;
}

/** The leaf's own R/W forbids no write to such a stack; R/W=0 above it forbids the stack. APM vol. 2, 15.25.14. */
function judgeShadowStack({ leafLow, leafHigh, rightsAboveLeaf }: PageRights): number {
  return isShadowStackLeaf(leafLow, leafHigh) && rightsAboveLeaf & ENTRY_RW ? 0 : DENIED.notNestedStack;
}

/**
 * Every access is a user's, for which the page must have U/S=1 (APM vol. 2, 15.25.5, 15.25.7). The guest mode execute trap has
 * another use for that bit: U/S=1 keeps the guest from executing at CPL 0 to 2, and U/S=0 keeps it from nothing (15.25.13, table
 * 15-21; so does KVM since 7.2). CR0.WP, SMEP, SMAP and protection keys of the hypervisor have no part in it.
 */
function judge(policy: Policy, page: PageRights, access: number): number {
  if (policy.supervisorShadowStack && access & ACCESS_SUPERVISOR_SHADOW_STACK) return judgeShadowStack(page);
  const { rights } = page;
  let denied = rights & ENTRY_US || policy.guestModeExecuteTrap ? 0 : DENIED.user;
  if (access & ACCESS_EXEC) {
    if (page.executeDisabled) denied |= DENIED.exec;
    if (policy.guestModeExecuteTrap && rights & ENTRY_US && !(access & ACCESS_USER)) denied |= DENIED.trapped;
    return denied;
  }
  if (access & ACCESS_WRITE && !(rights & ENTRY_RW)) denied |= DENIED.write;
  return denied;
}

function takesAway(policy: Policy, denied: number, low: number, high: number, isLeaf: boolean): boolean {
  const isReadOnlyAbove = (denied & DENIED.notNestedStack) !== 0 && !isLeaf && (low & ENTRY_RW) === 0;
  return isReadOnlyAbove || ORDINARY_RULES.takesAway(policy, denied, low, high, isLeaf);
}

/** APM vol. 2, 15.25: ordinary entries, judged in their own way. @internal */
export const NPT_RULES: AccessRules = {
  initialRights: ORDINARY_RULES.initialRights,
  judge,
  takenByEntries: ORDINARY_RULES.takenByEntries | DENIED.notNestedStack,
  takesAway,
};
