import { controlBits } from './reference-machine.ts';
import { type ReferenceMemoryTypes, referenceMemoryType } from './reference-memory-type.ts';
import { type ReferenceBits, referencePlan } from './reference-plan.ts';
import type {
  ReferenceAccess,
  ReferenceMachine,
  ReferenceMapped,
  ReferenceMemory,
  ReferenceTranslation,
} from './reference-translation.ts';
import { referenceMode, referenceTranslate } from './reference-walker.ts';

/** Control flags of HvTranslateVirtualAddress. @internal */
export const hypercallFlags = {
  validateRead: 1n << 0n,
  validateWrite: 1n << 1n,
  validateExecute: 1n << 2n,
  privilegeExempt: 1n << 3n,
  setPageTableBits: 1n << 4n,
  tlbFlushInhibit: 1n << 5n,
  supervisorAccess: 1n << 6n,
  userAccess: 1n << 7n,
  enforceSmap: 1n << 8n,
  overrideSmap: 1n << 9n,
  shadowStack: 1n << 10n,
} as const;

/** A virtual processor, as the hypercall finds it. @internal */
export interface ReferenceProcessor {
  machine: ReferenceMachine;
  cpl: number;
  memoryTypes: ReferenceMemoryTypes;
}

/** What is known of a page of guest-physical memory beside what is in it; by its number. @internal */
export interface ReferencePages {
  overlayPages: readonly bigint[];
  /** What the parent has mapped without the right. */
  unreadable: readonly bigint[];
  unwritable: readonly bigint[];
  /** The VTL that is asked about, and what others keep from the VTLs below them. */
  inputVtl: number;
  masks: readonly ReferenceMask[];
}

/** Pages that a VTL keeps from those below it. @internal */
export interface ReferenceMask {
  vtl: number;
  unreadable: readonly bigint[];
  unwritable: readonly bigint[];
}

/** The output, and the bits that the hypercall sets in the guest's tables. @internal */
export interface ReferenceHypercallAnswer {
  resultCode: number;
  gpaPage: bigint;
  cacheType: number;
  overlayPage: boolean;
  /** HV_X64_PENDING_EVENT in hexadecimal; null for no event. */
  eventInfo: string | null;
  bits: readonly ReferenceBits[];
}

const cacheTypes = { UC: 0, WC: 1, WT: 4, WP: 5, WB: 6 } as const;

const read: ReferenceAccess = {
  write: false,
  exec: false,
  implicit: false,
  shadowStack: false,
  segment: 'ds-es',
  user: false,
};

/** HV_TRANSLATE_GVA_RESULT_CODE. */
const resultCodes = {
  mapped: 0,
  'not-present': 1,
  // TLFS: also an address outside the range of the paging mode.
  'non-canonical': 1,
  'out-of-range': 1,
  'privilege-violation': 2,
  'reserved-bits': 3,
  'unbacked-table': 4,
} as const;

/**
 * Whether the hypercall returns HV_STATUS_INVALID_PARAMETER: TLFS 6.0b, "HvTranslateVirtualAddress", for reserved flags and for
 * no VALIDATE flag at all. The pages of 2025 add bits 6 to 10. Bits 63:56 are a virtual trust level: 3:0 and "use it".
 *
 * @internal
 */
export function isInvalidParameter(flags: bigint): boolean {
  const known = 0x7ffn | (0x1fn << 56n);
  return (flags & ~known) !== 0n || (flags & 7n) === 0n;
}

/**
 * What the hypercall says, by the text of the TLFS where other sources say something else; PRIVILEGE_EXEMPT is as the headers and
 * the pages of 2025 have it: no check of the access mode at all, SMEP and SMAP as if disabled.
 *
 * @param gva - the page's address
 * @internal
 */
export function referenceHypercall(
  flags: bigint,
  gva: bigint,
  { machine, cpl, memoryTypes }: ReferenceProcessor,
  memory: ReferenceMemory,
  pages: ReferencePages,
): ReferenceHypercallAnswer {
  const has = (flag: keyof typeof hypercallFlags) => (flags & hypercallFlags[flag]) !== 0n;
  const success = (gpa: bigint, leaf: ReferenceMapped | null, bits: readonly ReferenceBits[]) => {
    const gpaPage = gpa >> 12n;
    const type = referenceMemoryType(memoryTypes, leaf && cacheBitsOf(leaf), gpa);
    const overlayPage = pages.overlayPages.includes(gpaPage);
    return { resultCode: 0, gpaPage, cacheType: cacheTypes[type], overlayPage, eventInfo: null, bits };
  };
  const mode = referenceMode(machine);
  if (mode === 'off') {
    return success(gva, null, []);
  }
  const seen = has('privilegeExempt')
    ? withoutModeChecks(machine)
    : underFlags(machine, has('enforceSmap'), has('overrideSmap'));
  const isUserPage = referenceTranslate(seen, memory, gva, read).rights?.user ?? false;
  const accesses = has('privilegeExempt') ? exemptAccesses(flags, isUserPage) : accessesOf(flags, cpl);
  const translations = accesses.map((access) => referenceTranslate(seen, memory, gva, access));
  const decisive = decisiveOf(translations);
  const bits = bitsToSet(decisive, has('setPageTableBits'), has('validateWrite'), mode === 'pae');
  const failure = findTableFailure(decisive, bits, pages, gva);
  if (failure !== null) {
    return failure;
  }
  if (decisive.kind === 'mapped') {
    return success(decisive.physicalAddress, decisive, bits);
  }
  if (decisive.cause === 'lass') {
    throw new Error('the specification does not know of LASS');
  }
  const page = decisive.cause === 'unbacked-table' ? (decisive.responsible?.address ?? 0n) >> 12n : 0n;
  return refusal(resultCodes[decisive.cause], page, bits);
}

function refusal(resultCode: number, gpaPage: bigint, bits: readonly ReferenceBits[]): ReferenceHypercallAnswer {
  return { resultCode, gpaPage, cacheType: 0, overlayPage: false, eventInfo: null, bits };
}

/**
 * The hypercall makes one walk, in which every access has to be allowed: it ends at the first entry, from the top, that one of
 * them cannot pass.
 */
function decisiveOf(translations: readonly ReferenceTranslation[]): ReferenceTranslation {
  const faults = translations.filter((translation) => translation.kind === 'fault');
  const [first] = faults.sort((one, other) => endOf(one) - endOf(other));
  const decisive = first ?? translations[0];
  if (decisive === undefined) {
    throw new Error('there was nothing to validate');
  }
  return decisive;
}

/** How many entries a walk has passed. */
function endOf(translation: ReferenceTranslation): number {
  const { steps } = translation;
  if (translation.kind === 'mapped' || translation.cause === 'unbacked-table') {
    return steps.length;
  }
  return steps.findIndex(({ level }) => level === translation.responsible?.level);
}

/** A as the walk proceeds, and not undone when it comes to nothing; D in the leaf, if writing is validated. */
function bitsToSet(
  translation: ReferenceTranslation,
  isAsked: boolean,
  isWrite: boolean,
  hasPointerTable: boolean,
): readonly ReferenceBits[] {
  const flags = { setAccessed: isAsked, setDirty: isAsked && isWrite, forceSetAccessed: isAsked };
  return referencePlan(translation, flags, hasPointerTable);
}

/**
 * Codes 5 to 8, in the order of the walk: each entry is read, and written if a bit is to be set in it, before the next one. What
 * lies below the one that ends the walk is not looked at. What the parent has mapped without the right is a code of its own,
 * another where that is an overlay page; what a higher VTL keeps from the one asked about is intercepted. VTLs protect memory: a
 * page that is none has no protection.
 */
function findTableFailure(
  translation: ReferenceTranslation,
  bits: readonly ReferenceBits[],
  { overlayPages, unreadable, unwritable, inputVtl, masks }: ReferencePages,
  gva: bigint,
): ReferenceHypercallAnswer | null {
  const done: ReferenceBits[] = [];
  const isUnmapped = translation.kind === 'fault' && translation.cause === 'unbacked-table';
  const last = isUnmapped ? translation.responsible?.address : undefined;
  const looked: { address: bigint; level: number }[] = translation.steps.slice(0, endOf(translation) + 1);
  if (last !== undefined) {
    looked.push({ address: last, level: 0 });
  }
  for (const { address, level } of looked) {
    const page = address >> 12n;
    const wanted = bits.find((one) => one.address === address && one.level === level);
    const attempts = wanted ? (['read', 'write'] as const) : (['read'] as const);
    for (const attempt of attempts) {
      const isDenied = (attempt === 'read' ? unreadable : unwritable).includes(page);
      if (isDenied) {
        return refusal(overlayPages.includes(page) ? 7 : attempt === 'read' ? 5 : 6, page, done);
      }
      const keepers = masks.filter((mask) => (attempt === 'read' ? mask.unreadable : mask.unwritable).includes(page));
      const owner = Math.max(-1, ...keepers.map(({ vtl }) => vtl));
      if (owner > inputVtl && address !== last) {
        return { ...refusal(8, 0n, done), eventInfo: memoryIntercept(owner, attempt, gva, page) };
      }
    }
    if (wanted) {
      done.push(wanted);
    }
  }
  return null;
}

/**
 * HV_X64_PENDING_MEMORY_INTERCEPT_EVENT: pending and type 1 in the first byte, the VTL, the access type, "linear address valid"
 * without "caused by GPA access", 4 reserved bytes, two addresses of pages, 8 reserved bytes.
 */
function memoryIntercept(vtl: number, attempt: 'read' | 'write', gva: bigint, page: bigint): string {
  const bytes = Buffer.alloc(32);
  bytes[0] = 0b0011;
  bytes[1] = vtl;
  bytes[2] = attempt === 'write' ? 1 : 0;
  bytes[3] = 0b01;
  bytes.writeBigUInt64LE(gva & ~0xfffn, 8);
  bytes.writeBigUInt64LE(page << 12n, 16);
  return bytes.toString('hex');
}

/** SMEP, SMAP and LASS are what CR4 has checked of the mode beside U/S. */
function withoutModeChecks(machine: ReferenceMachine): ReferenceMachine {
  const { smep, smap, lass } = controlBits.cr4;
  const { registers } = machine;
  return { ...machine, registers: { ...registers, cr4: registers.cr4 & ~(smep | smap | lass) } };
}

/** The mode is not asked: a supervisor may enter every page, and a shadow stack is opened as whosever it is. */
function exemptAccesses(flags: bigint, isUserPage: boolean): ReferenceAccess[] {
  const isStack = (flags & hypercallFlags.shadowStack) !== 0n;
  return accessesOf(flags & ~hypercallFlags.userAccess, 0).map((access) => ({
    ...access,
    user: isStack && !access.exec && isUserPage,
  }));
}

/** ENFORCE_SMAP takes RFLAGS.AC away, OVERRIDE_SMAP gives it and wins. */
function underFlags(machine: ReferenceMachine, enforce: boolean, override: boolean): ReferenceMachine {
  const { ac } = controlBits.rflags;
  const { rflags } = machine.registers;
  const enforced = enforce ? rflags & ~ac : rflags;
  return { ...machine, registers: { ...machine.registers, rflags: override ? enforced | ac : enforced } };
}

/** Every access that has to pass: each kind that is to be validated, for each privilege. */
function accessesOf(flags: bigint, cpl: number): ReferenceAccess[] {
  const has = (flag: keyof typeof hypercallFlags) => (flags & hypercallFlags[flag]) !== 0n;
  const plain = { write: false, exec: false, implicit: false, shadowStack: false, segment: 'ds-es' as const };
  const data = { ...plain, shadowStack: has('shadowStack') };
  const kinds = [
    ...(has('validateRead') ? [data] : []),
    ...(has('validateWrite') ? [{ ...data, write: true }] : []),
    ...(has('validateExecute') ? [{ ...plain, exec: true }] : []),
  ];
  return kinds.flatMap((kind) => privilegesOf(has, cpl).map((user) => ({ ...kind, user })));
}

/** Whether as a user; both where both flags are set; by CPL where neither is. */
function privilegesOf(has: (flag: keyof typeof hypercallFlags) => boolean, cpl: number): boolean[] {
  if (has('supervisorAccess') || has('userAccess')) {
    return [...(has('supervisorAccess') ? [false] : []), ...(has('userAccess') ? [true] : [])];
  }
  return [cpl === 3];
}

/** Bits 3 and 4 of the leaf; PAT is bit 7 of a PTE and bit 12 of what maps more. */
function cacheBitsOf({ steps }: ReferenceMapped) {
  const leaf = steps.at(-1);
  if (leaf === undefined) {
    throw new Error('with paging there is a leaf');
  }
  const has = (position: bigint) => ((leaf.value >> position) & 1n) === 1n;
  return { pwt: has(3n), pcd: has(4n), pat: has(leaf.level === 1 ? 7n : 12n) };
}
