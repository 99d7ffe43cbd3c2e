import { ACCESS_EXEC, ACCESS_SUPERVISOR_SHADOW_STACK, ACCESS_WRITE } from '../rules/architecture.ts';
import type { AccessRules, PageRights, Policy } from '../rules/rights.ts';

/** Rights of an EPT entry. SDM vol. 3C, tables 31-1 to 31-7 (28-1 ff. before 2023). @internal */
export const EPT_R = 1 << 0;
/** @internal */
export const EPT_W = 1 << 1;
/** Execute, or with mode-based execute control: for supervisor-mode addresses. @internal */
export const EPT_X = 1 << 2;
/** With mode-based execute control: execute for user-mode addresses. @internal */
export const EPT_XU = 1 << 10;

/** A guest table that is read and, for its A or D bit, written. @internal */
export const ACCESS_READ_MODIFY_WRITE = 1 << 11;
/** The linear address is a user-mode address: the guest's own tables say U/S=1 all the way. @internal */
export const ACCESS_USER_ADDRESS = 1 << 12;

/** Reasons beside the rights themselves: an entry above the leaf is not writable; the leaf is not marked by bit 60. */
const DENIED_ABOVE_LEAF = 1 << 13;
const DENIED_UNMARKED = 1 << 14;

/** Which rights an access needs; the same bits as the rights themselves. */
function neededRights(access: number, modeBased: boolean): number {
  if (access & ACCESS_READ_MODIFY_WRITE) return EPT_R | EPT_W;
  if (access & ACCESS_WRITE) return EPT_W;
  if (!(access & ACCESS_EXEC)) return EPT_R;
  return modeBased && access & ACCESS_USER_ADDRESS ? EPT_XU : EPT_X;
}

/** Bits 58 (paging-write) and 60 (supervisor shadow stack) of a leaf, in its high half. @internal */
export const LEAF_PAGING_WRITE_HIGH = 1 << 26;
/** @internal */
export const LEAF_SHADOW_STACK_HIGH = 1 << 28;

/** SDM vol. 3C, 31.3.3.2 (28.3.3.2): readable everywhere, writable above the leaf, marked in the leaf. */
function judgeShadowStack(page: PageRights): number {
  return (
    (EPT_R & ~page.rights) |
    (page.rightsAboveLeaf & EPT_W ? 0 : DENIED_ABOVE_LEAF) |
    (page.leafHigh & LEAF_SHADOW_STACK_HIGH ? 0 : DENIED_UNMARKED)
  );
}

function judge(policy: Policy, page: PageRights, access: number): number {
  if (policy.supervisorShadowStack && access & ACCESS_SUPERVISOR_SHADOW_STACK) return judgeShadowStack(page);
  const missing = neededRights(access, policy.modeBasedExecute) & ~page.rights;
  const isPagingWrite = policy.pagingWrite && (access & ACCESS_READ_MODIFY_WRITE) !== 0;
  return isPagingWrite && page.leafHigh & LEAF_PAGING_WRITE_HIGH ? missing & ~EPT_W : missing;
}

function takesAway(_policy: Policy, denied: number, low: number, _high: number, isLeaf: boolean): boolean {
  const rights = EPT_R | EPT_W | EPT_X | EPT_XU;
  return (
    (denied & rights & ~low) !== 0 ||
    ((denied & DENIED_ABOVE_LEAF) !== 0 && !isLeaf && (low & EPT_W) === 0) ||
    ((denied & DENIED_UNMARKED) !== 0 && isLeaf)
  );
}

/** SDM vol. 3C, 31.3.3.2: a right is had when every entry used has it. @internal */
export const EPT_RULES: AccessRules = {
  initialRights: EPT_R | EPT_W | EPT_X | EPT_XU,
  judge,
  takenByEntries: EPT_R | EPT_W | EPT_X | EPT_XU | DENIED_ABOVE_LEAF | DENIED_UNMARKED,
  takesAway,
};
