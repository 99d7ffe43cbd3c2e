import { ACCESS_EXEC, ACCESS_WRITE } from '../architecture.ts';
import type { AccessRules, PageRights, Policy } from '../rights.ts';

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

/** Which rights were missing; the same bits as the rights themselves. */
function neededRights(access: number, modeBased: boolean): number {
  if (access & ACCESS_READ_MODIFY_WRITE) return EPT_R | EPT_W;
  if (access & ACCESS_WRITE) return EPT_W;
  if (!(access & ACCESS_EXEC)) return EPT_R;
  return modeBased && access & ACCESS_USER_ADDRESS ? EPT_XU : EPT_X;
}

/** Bit 58 of a leaf, in its high half: the paging-write bit. */
const LEAF_PAGING_WRITE_HIGH = 1 << 26;

function judge(policy: Policy, page: PageRights, access: number): number {
  const missing = neededRights(access, policy.modeBasedExecute) & ~page.rights;
  const isPagingWrite = policy.pagingWrite && (access & ACCESS_READ_MODIFY_WRITE) !== 0;
  return isPagingWrite && page.leafHigh & LEAF_PAGING_WRITE_HIGH ? missing & ~EPT_W : missing;
}

function takesAway(_policy: Policy, denied: number, low: number): boolean {
  return (denied & ~low) !== 0;
}

/** SDM vol. 3C, 31.3.3.2: a right is had when every entry used has it. @internal */
export const EPT_RULES: AccessRules = { initialRights: EPT_R | EPT_W | EPT_X | EPT_XU, judge, takesAway };
