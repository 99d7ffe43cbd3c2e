import {
  ACCESS_EXEC,
  ACCESS_IMPLICIT,
  ACCESS_SHADOW_STACK,
  ACCESS_USER,
  ACCESS_WRITE,
  ENTRY_D,
  ENTRY_RW,
  ENTRY_US,
} from './architecture.ts';

/** The control-register state that judges an access, with what a mode ignores already cleared. @internal */
export interface Policy {
  readonly writeProtect: boolean;
  readonly smep: boolean;
  readonly smap: boolean;
  readonly alignmentCheck: boolean;
  /** SMAP yields to AC for implicit accesses too: on TCG, at CPL 0 to 2. */
  readonly implicitHonoursAc: boolean;
  /** IA32_PKRS judges user accesses to supervisor pages too, which U/S denies in any case. */
  readonly userFaultReportsKey: boolean;
  /** Bit 63 of an entry where XD is in force, else 0. */
  readonly executeDisableHigh: number;
  /** The error code's I/D bit is reported. SDM vol. 3A, 4.7. */
  readonly reportsFetch: boolean;
  /** The mode's leaves carry protection keys. */
  readonly protectionKeys: boolean;
  /** PKRU where CR4.PKE puts it in force, else 0: all allowed. */
  readonly userKeys: number;
  /** IA32_PKRS likewise. */
  readonly supervisorKeys: number;
  /** EPT only: execute rights are told apart by the mode of the address. */
  readonly modeBasedExecute: boolean;
  /** NPT only: U/S keeps supervisors from executing, and forbids nothing else. APM vol. 2, 15.25.13. */
  readonly guestModeExecuteTrap: boolean;
  /** A second stage only: a supervisor's shadow stack is what the leaf says is one (EPTP bit 7; SSSCheckEn of the VMCB). */
  readonly supervisorShadowStack: boolean;
  /** EPT only: guest tables may be written through a leaf with bit 58, whatever its W is. */
  readonly pagingWrite: boolean;
}

/** What a walk has gathered when it reaches a leaf. @internal */
export interface PageRights {
  /** R/W and U/S, in their entry positions, ANDed over all entries. */
  rights: number;
  /** The same without the leaf. */
  rightsAboveLeaf: number;
  /** Non-zero when an entry has XD=1 in force. */
  executeDisabled: number;
  leafLow: number;
  leafHigh: number;
}

/** How rights are accumulated and judged: one row for ordinary tables, one for EPT. @internal */
export interface AccessRules {
  /** What a walk has before its first entry: every right. */
  readonly initialRights: number;
  /** @returns a set of DENIED bits; 0 is allowed */
  judge(policy: Policy, page: PageRights, access: number): number;
  /** The DENIED bits for which `takesAway` may find an entry; for all others the leaf is to blame. */
  readonly takenByEntries: number;
  /** Whether an entry by itself takes away a right that a denied access needed. */
  takesAway(policy: Policy, denied: number, low: number, high: number, isLeaf: boolean): boolean;
}

/** Rights of a page over all levels: the AND of R/W and of U/S, and no XD anywhere. @public */
export interface Rights {
  /** Only where the page may not be read, which a second stage alone can say: EPT's execute-only. */
  readonly read?: false;
  readonly write: boolean;
  readonly user: boolean;
  readonly exec: boolean;
}

/** @internal */
export function decodeRights(rights: number, exec: boolean): Rights {
  return { write: (rights & ENTRY_RW) !== 0, user: (rights & ENTRY_US) !== 0, exec };
}

/** Why an access is denied, as a set of bits: several reasons may hold at once. @internal */
export const DENIED = {
  user: 1 << 0,
  write: 1 << 1,
  exec: 1 << 2,
  smep: 1 << 3,
  smap: 1 << 4,
  key: 1 << 5,
  /** A shadow-stack access to a page that is no shadow stack. */
  notShadowStack: 1 << 6,
  /** A supervisor's shadow-stack access to a user page. */
  userShadowStack: 1 << 7,
  /** NPT: a supervisor's fetch, by the guest mode execute trap. */
  trapped: 1 << 8,
  /** NPT: a supervisor's shadow-stack access to a page that the nested tables do not give for one. */
  notNestedStack: 1 << 9,
} as const;

/** Access-disable and write-disable of one key. SDM vol. 3A, 4.6.2. */
const KEY_AD = 1;
const KEY_WD = 2;

/** The protection key of a leaf: bits 62:59. @internal */
export function protectionKeyOf(leafHigh: number): number {
  return (leafHigh >>> 27) & 0xf;
}

/**
 * A key denies data accesses only: PKRU those to user pages, PKRS those to supervisor pages, in any mode. WD denies
 * writes where CR0.WP=1, and those of users to user pages always. SDM vol. 3A, 4.6.2.
 */
function keyDenies(policy: Policy, rights: number, leafHigh: number, access: number): boolean {
  const userPage = rights & ENTRY_US;
  const keys = userPage ? policy.userKeys : policy.supervisorKeys;
  if (keys === 0) return false;
  const byUser = access & ACCESS_USER;
  if (byUser && !userPage && !policy.userFaultReportsKey) return false;
  const key = (keys >>> (2 * protectionKeyOf(leafHigh))) & 3;
  if (key & KEY_AD) return true;
  return (key & KEY_WD) !== 0 && (access & ACCESS_WRITE) !== 0 && (policy.writeProtect || (byUser & userPage) !== 0);
}

/** SDM vol. 3A, 4.6: AC lifts SMAP for explicit accesses. */
function isSmapLifted(policy: Policy, access: number): boolean {
  return policy.alignmentCheck && ((access & ACCESS_IMPLICIT) === 0 || policy.implicitHonoursAc);
}

/**
 * The access rules of SDM vol. 3A, 4.6, all of them, judged once on rights accumulated over all levels: one supervisor entry
 * anywhere makes the page a supervisor page for U/S, SMEP, SMAP and the choice between PKRU and PKRS.
 *
 * @param page - what the walk accumulated
 * @param access - ACCESS bits
 * @returns a set of DENIED bits; 0 is allowed
 * @internal
 */
function judge(policy: Policy, page: PageRights, access: number): number {
  if (access & ACCESS_SHADOW_STACK) return judgeShadowStack(policy, page, access);
  const { rights } = page;
  const byUser = access & ACCESS_USER;
  const userPage = rights & ENTRY_US;
  let denied = byUser && !userPage ? DENIED.user : 0;
  if (access & ACCESS_EXEC) {
    if (page.executeDisabled) denied |= DENIED.exec;
    if (policy.smep && !byUser && userPage) denied |= DENIED.smep;
    return denied;
  }
  if (access & ACCESS_WRITE && !(rights & ENTRY_RW) && (byUser || policy.writeProtect)) denied |= DENIED.write;
  if (policy.smap && !byUser && userPage && !isSmapLifted(policy, access)) denied |= DENIED.smap;
  if (keyDenies(policy, rights, page.leafHigh, access)) denied |= DENIED.key;
  return denied;
}

/**
 * SDM vol. 3A, 4.6.1: a shadow-stack page has R/W=0 and D=1 in its leaf and R/W=1 above; users reach user pages alone,
 * supervisors supervisor pages alone. SMAP has no part in it; keys have.
 */
function judgeShadowStack(policy: Policy, page: PageRights, access: number): number {
  const byUser = (access & ACCESS_USER) !== 0;
  const userPage = (page.rights & ENTRY_US) !== 0;
  const isShadowStack =
    (page.rightsAboveLeaf & ENTRY_RW) !== 0 && (page.leafLow & ENTRY_RW) === 0 && (page.leafLow & ENTRY_D) !== 0;
  let denied = isShadowStack ? 0 : DENIED.notShadowStack;
  if (byUser !== userPage) denied |= byUser ? DENIED.user : DENIED.userShadowStack;
  if (keyDenies(policy, page.rights, page.leafHigh, access)) denied |= DENIED.key;
  return denied;
}

function takesAway(policy: Policy, denied: number, low: number, high: number, isLeaf: boolean): boolean {
  return (
    ((denied & DENIED.user) !== 0 && (low & ENTRY_US) === 0) ||
    ((denied & DENIED.write) !== 0 && (low & ENTRY_RW) === 0) ||
    ((denied & DENIED.notShadowStack) !== 0 && !isLeaf && (low & ENTRY_RW) === 0) ||
    ((denied & DENIED.exec) !== 0 && (high & policy.executeDisableHigh) !== 0)
  );
}

/** SDM vol. 3A, 4.6. @internal */
export const ORDINARY_RULES: AccessRules = {
  initialRights: ENTRY_RW | ENTRY_US,
  judge,
  takenByEntries: DENIED.user | DENIED.write | DENIED.exec | DENIED.notShadowStack,
  takesAway,
};
