import type { ReferenceAccess, ReferenceMachine, ReferenceMode, ReferenceRights } from './reference-translation.ts';

/** The three bits of one entry that take rights away. @internal */
export interface EntryRights {
  level: number;
  address: bigint;
  /** R/W, bit 1. */
  write: boolean;
  /** U/S, bit 2. */
  user: boolean;
  /** XD, bit 63, already false where EFER.NXE or the format has no such bit. */
  noExecute: boolean;
}

/** Why the rights of a complete walk refuse an access. @internal */
export interface Denial {
  protectionKey: boolean;
  responsible: { level: number; address: bigint };
}

const cr0Wp = 1n << 16n;
const cr4Smep = 1n << 20n;
const cr4Smap = 1n << 21n;
const cr4Pke = 1n << 22n;
const cr4Pks = 1n << 24n;
const rflagsAc = 1n << 18n;

/** SDM vol. 3A, 4.6: an address is a user-mode address only if every entry says so; likewise for writing. @internal */
export function combineRights(entries: readonly EntryRights[]): ReferenceRights {
  return {
    write: entries.every((entry) => entry.write),
    user: entries.every((entry) => entry.user),
    exec: !entries.some((entry) => entry.noExecute),
  };
}

/** SDM vol. 3A, 4.6: implicit accesses are supervisor-mode accesses regardless of the privilege level. @internal */
export function isUserAccess(access: ReferenceAccess): boolean {
  return access.user && !access.implicit;
}

/**
 * Judges an access by SDM vol. 3A, 4.6.1 (access rights) and 4.6.2 (protection keys); null where it is allowed.
 *
 * `leafEntry` is the last of `entries`, whole, for its protection key.
 *
 * @internal
 */
export function judgeAccess(
  machine: ReferenceMachine,
  mode: ReferenceMode,
  access: ReferenceAccess,
  entries: readonly EntryRights[],
  leafEntry: bigint,
): Denial | null {
  return access.shadowStack
    ? judgeShadowStack(machine, mode, access, entries, leafEntry)
    : judgeOrdinary(machine, mode, access, entries, leafEntry);
}

/**
 * SDM vol. 3A, 4.6 and 4.6.1: a shadow-stack access is allowed only to a shadow-stack address of its own mode. That is one
 * whose leaf has R/W=0 and D=1 and whose other entries all have R/W=1. Neither CR0.WP, which CR4.CET=1 forces, nor SMAP and
 * RFLAGS.AC make a difference: a supervisor's shadow stack is never a user's page. Keys count as for any data access.
 */
function judgeShadowStack(
  machine: ReferenceMachine,
  mode: ReferenceMode,
  access: ReferenceAccess,
  entries: readonly EntryRights[],
  leafEntry: bigint,
): Denial | null {
  const leaf = entries.at(-1);
  if (leaf === undefined) {
    throw new Error('an access was judged without an entry to judge it by');
  }
  const rights = combineRights(entries);
  const isDirty = (leafEntry & 0x40n) !== 0n;
  const wrongMode = isUserAccess(access) !== rights.user;
  const wrongLeaf = leaf.write || !isDirty;
  const wrongAbove = entries.slice(0, -1).some((entry) => !entry.write);
  const protectionKey = keyDenies(machine, mode, access, rights, leafEntry);
  if (!wrongMode && !wrongLeaf && !wrongAbove && !protectionKey) {
    return null;
  }
  // Any entry above the leaf can take U/S or R/W away by itself. What remains is what the leaf says, or what all of them say
  // together, which is complete only at the leaf: a user's page where the supervisor's is needed, the key.
  const taker = entries.slice(0, -1).find((entry) => (isUserAccess(access) && !entry.user) || !entry.write);
  const responsible = taker ?? leaf;
  return { protectionKey, responsible: { level: responsible.level, address: responsible.address } };
}

function judgeOrdinary(
  machine: ReferenceMachine,
  mode: ReferenceMode,
  access: ReferenceAccess,
  entries: readonly EntryRights[],
  leafEntry: bigint,
): Denial | null {
  const rights = combineRights(entries);
  const lost = lostRights(machine, access, rights);
  const leafDenies = smepDenies(machine, access, rights) || smapDenies(machine, access, rights);
  const protectionKey = keyDenies(machine, mode, access, rights, leafEntry);
  if (!lost.user && !lost.write && !lost.exec && !leafDenies && !protectionKey) {
    return null;
  }
  const taker = entries.find(
    (entry) => (lost.user && !entry.user) || (lost.write && !entry.write) || (lost.exec && entry.noExecute),
  );
  const responsible = taker ?? entries.at(-1);
  if (responsible === undefined) {
    throw new Error('an access was judged without an entry to judge it by');
  }
  return { protectionKey, responsible: { level: responsible.level, address: responsible.address } };
}

/** Which of the three rights the access needs and does not have. */
function lostRights(machine: ReferenceMachine, access: ReferenceAccess, rights: ReferenceRights): ReferenceRights {
  const user = isUserAccess(access);
  const writeProtect = (machine.registers.cr0 & cr0Wp) !== 0n;
  return {
    user: user && !rights.user,
    // A user write needs R/W=1 everywhere; a supervisor write needs it only with CR0.WP=1.
    write: access.write && !rights.write && (user || writeProtect),
    exec: access.exec && !rights.exec,
  };
}

/** SMEP: a supervisor fetch from a user-mode address. */
function smepDenies(machine: ReferenceMachine, access: ReferenceAccess, rights: ReferenceRights): boolean {
  const smep = (machine.registers.cr4 & cr4Smep) !== 0n;
  return smep && access.exec && !isUserAccess(access) && rights.user;
}

/** SMAP: supervisor data access to a user-mode address; AC=1 excuses explicit accesses only. */
function smapDenies(machine: ReferenceMachine, access: ReferenceAccess, rights: ReferenceRights): boolean {
  const smap = (machine.registers.cr4 & cr4Smap) !== 0n;
  if (!smap || access.exec || isUserAccess(access) || !rights.user) {
    return false;
  }
  const excused = !access.implicit && (machine.registers.rflags & rflagsAc) !== 0n;
  return !excused;
}

/** SDM vol. 3A, 4.6.2: keys judge data accesses, only with four or five levels. */
function keyDenies(
  machine: ReferenceMachine,
  mode: ReferenceMode,
  access: ReferenceAccess,
  rights: ReferenceRights,
  leafEntry: bigint,
): boolean {
  if ((mode !== '4-level' && mode !== '5-level') || access.exec) {
    return false;
  }
  const key = Number((leafEntry >> 59n) & 0xfn);
  const writeProtect = (machine.registers.cr0 & cr0Wp) !== 0n;
  const user = isUserAccess(access);
  if (rights.user) {
    const enabled = (machine.registers.cr4 & cr4Pke) !== 0n;
    const { accessDisable, writeDisable } = keyBits(machine.registers.pkru, key);
    return enabled && (accessDisable || (writeDisable && access.write && (user || writeProtect)));
  }
  // Section 4.6.2 speaks of the mode of the address, not of the access: what the U/S bits refuse to a user, PKRS may refuse too,
  // and 4.7 reports it. WD matters here only with CR0.WP=1, as that section says without an exception for users.
  const enabled = (machine.registers.cr4 & cr4Pks) !== 0n;
  const { accessDisable, writeDisable } = keyBits(machine.registers.pkrs, key);
  return enabled && (accessDisable || (writeDisable && access.write && writeProtect));
}

function keyBits(register: number, key: number): { accessDisable: boolean; writeDisable: boolean } {
  const bits = BigInt(register) >> BigInt(2 * key);
  return { accessDisable: (bits & 1n) !== 0n, writeDisable: (bits & 2n) !== 0n };
}
