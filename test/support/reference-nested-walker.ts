import { eptHasFlags, referenceEptWalk } from './reference-ept.ts';
import type {
  ReferenceNested,
  ReferenceNestedAccess,
  ReferenceNestedOutcome,
  ReferenceNestedRefusal,
  ReferenceNestedTranslation,
  ReferenceNestedWalk,
} from './reference-nested-translation.ts';
import { referenceNptWalk } from './reference-npt.ts';
import { isUserAccess } from './reference-rights.ts';
import type {
  ReferenceAccess,
  ReferenceMachine,
  ReferenceMapped,
  ReferenceMemory,
  ReferenceStep,
  ReferenceTranslation,
} from './reference-translation.ts';
import { referenceMode, referenceTranslate } from './reference-walker.ts';

/**
 * Translates a guest's linear address through both stages: every entry of the guest's tables, and then what they lead to, lies
 * at a guest-physical address, which the nested tables translate. APM vol. 2, 15.25; SDM vol. 3C, "VMX support for address
 * translation", 28.3 (31.3 in the newest editions).
 *
 * @param guest - the machine that the guest believes to be
 * @param memory - the host's
 * @internal
 */
export function referenceTranslateNested(
  guest: ReferenceMachine,
  nested: ReferenceNested,
  memory: ReferenceMemory,
  linear: bigint,
  access: ReferenceAccess,
): ReferenceNestedTranslation {
  const guestMemory = new GuestMemory(guest, nested, memory);
  const translation = referenceTranslate(guest, guestMemory, linear, access);
  const { visits } = guestMemory;
  const forbidden = findForbiddenUpdate(guestMemory, translation, access);
  if (forbidden !== null) {
    return forbidden;
  }
  if (translation.kind === 'fault' && translation.cause === 'unbacked-table') {
    return nestedFault(visits, translation.steps);
  }
  if (translation.kind === 'fault') {
    return { kind: 'guest-fault', guest: translation, walks: visits.map(toWalk) };
  }
  const { physicalAddress: guestPhysicalAddress } = translation;
  const outcome = guestMemory.visit(guestPhysicalAddress, finalAccess(access, translation));
  if (outcome.kind === 'refused') {
    return nestedFault(visits, translation.steps);
  }
  return {
    kind: 'mapped',
    guestPhysicalAddress,
    physicalAddress: outcome.hostPhysicalAddress,
    pageSize: smaller(translation.pageSize, outcome.pageSize),
    guest: translation,
    walks: visits.map(toWalk),
  };
}

/** One guest-physical address that was translated. */
interface Visit {
  guestPhysicalAddress: bigint;
  purpose: ReferenceNestedWalk['purpose'];
  outcome: ReferenceNestedOutcome;
}

/** The guest's physical memory: the host's, seen through the nested tables. */
class GuestMemory implements ReferenceMemory {
  readonly visits: Visit[] = [];
  /** PAE whose PDPTEs are in memory, not in registers. */
  readonly readsPointers: boolean;
  readonly isPae: boolean;
  readonly nested: ReferenceNested;
  readonly #memory: ReferenceMemory;

  constructor(guest: ReferenceMachine, nested: ReferenceNested, memory: ReferenceMemory) {
    this.isPae = referenceMode(guest) === 'pae';
    this.readsPointers = this.isPae && guest.registers.pdptes === undefined;
    this.nested = nested;
    this.#memory = memory;
  }

  readEntry(guestPhysicalAddress: bigint, size: 4 | 8): bigint | null {
    const outcome = this.visit(guestPhysicalAddress, this.#tableAccess());
    return outcome.kind === 'mapped' ? this.#memory.readEntry(outcome.hostPhysicalAddress, size) : null;
  }

  visit(guestPhysicalAddress: bigint, access: ReferenceNestedAccess): ReferenceNestedOutcome {
    const outcome = this.#translate(this.#memory, guestPhysicalAddress, access);
    this.visits.push({ guestPhysicalAddress, purpose: access.purpose, outcome });
    return outcome;
  }

  /** The same nested entries, judged anew: nothing is read. */
  judgeAgain({ guestPhysicalAddress, outcome }: Visit, access: ReferenceNestedAccess): ReferenceNestedOutcome {
    const values = new Map(outcome.steps.map(({ address, value }) => [address, value]));
    const seen: ReferenceMemory = { readEntry: (address) => values.get(address) ?? null };
    return this.#translate(seen, guestPhysicalAddress, access);
  }

  #translate(
    memory: ReferenceMemory,
    guestPhysicalAddress: bigint,
    access: ReferenceNestedAccess,
  ): ReferenceNestedOutcome {
    return this.nested.kind === 'npt'
      ? referenceNptWalk(this.nested, memory, guestPhysicalAddress, access)
      : referenceEptWalk(this.nested, memory, guestPhysicalAddress, access);
  }

  /**
   * APM 15.25.5: guest table walks write. SDM 28.3.3.2: so they do with accessed and dirty flags for EPT, and both bit 0 and
   * bit 1 of the qualification say so; but loads of PDPTEs are reads.
   */
  #tableAccess(): ReferenceNestedAccess {
    const isPointer = this.readsPointers && this.visits.length === 0;
    const writes = this.nested.kind === 'npt' || (eptHasFlags(this.nested) && !isPointer);
    return writes ? UPDATE : { ...UPDATE, write: false };
  }
}

/**
 * SDM 28.3.3.2: while EPT has no accessed and dirty flags of its own, an entry of the guest is only read, unless its A or D has
 * to be set: that is a data write to the page in which it lies. A is set as the walk goes on from an entry, so that this comes
 * before whatever is wrong further down.
 */
function findForbiddenUpdate(
  memory: GuestMemory,
  translation: ReferenceTranslation,
  access: ReferenceAccess,
): ReferenceNestedTranslation | null {
  if (memory.nested.kind === 'npt' || eptHasFlags(memory.nested)) {
    return null;
  }
  // A PDPTE that a register holds was not read.
  const unread = memory.isPae && !memory.readsPointers ? 1 : 0;
  const isWrite = translation.kind === 'mapped' && access.write;
  const used = usedSteps(translation);
  for (const [position, step] of used.entries()) {
    const hasAccessed = !(memory.isPae && step.level === 3);
    const isWritten = isWrite && position === used.length - 1;
    const visit = memory.visits[position - unread];
    if (!hasAccessed || visit === undefined || !lacksBits(step, isWritten)) {
      continue;
    }
    const outcome = memory.judgeAgain(visit, UPDATE);
    if (outcome.kind === 'refused') {
      const visits = [...memory.visits.slice(0, position - unread), { ...visit, outcome }];
      return nestedFault(visits, used.slice(0, position + 1));
    }
  }
  return null;
}

/** The entries that a walk went on from, or that it ended well with. */
function usedSteps(translation: ReferenceTranslation): readonly ReferenceStep[] {
  const { steps } = translation;
  // An entry that could not be read is not among the steps: all that are were passed.
  return translation.kind === 'mapped' || translation.cause === 'unbacked-table' ? steps : steps.slice(0, -1);
}

function lacksBits({ value }: ReferenceStep, isWritten: boolean): boolean {
  return (value & 0x20n) === 0n || (isWritten && (value & 0x40n) === 0n);
}

const NO_MEMORY: ReferenceNestedRefusal = {
  cause: 'unbacked-table',
  responsible: null,
  exitInfo1: null,
  exitQualification: null,
};

/** Reads and writes: what sets an accessed or dirty bit. */
const UPDATE: ReferenceNestedAccess = {
  purpose: 'table',
  read: true,
  write: true,
  exec: false,
  shadowStack: null,
  page: null,
};

function finalAccess(access: ReferenceAccess, guest: ReferenceMapped): ReferenceNestedAccess {
  const whose = isUserAccess(access) ? 'user' : 'supervisor';
  return {
    purpose: 'final',
    read: !access.write && !access.exec,
    write: access.write,
    exec: access.exec,
    shadowStack: access.shadowStack ? whose : null,
    page: guest.rights,
  };
}

/** What the last visit came to: it was refused, or led to where the host has no memory, which is no entry's fault. */
function nestedFault(visits: readonly Visit[], guestSteps: readonly ReferenceStep[]): ReferenceNestedTranslation {
  const last = visits.at(-1);
  if (last === undefined) {
    throw new Error('the nested tables refused nothing');
  }
  const { guestPhysicalAddress, purpose, outcome } = last;
  const { cause, responsible, exitInfo1, exitQualification } = outcome.kind === 'refused' ? outcome : NO_MEMORY;
  const refusal = { cause, responsible, exitInfo1, exitQualification };
  return { kind: 'nested-fault', purpose, guestPhysicalAddress, ...refusal, guestSteps, walks: visits.map(toWalk) };
}

function toWalk({ guestPhysicalAddress, purpose, outcome }: Visit): ReferenceNestedWalk {
  const hostPhysicalAddress = outcome.kind === 'mapped' ? outcome.hostPhysicalAddress : null;
  return { guestPhysicalAddress, purpose, steps: outcome.steps, hostPhysicalAddress };
}

/** What is contiguous in both stages is what is contiguous in the smaller page; without paging there is no limit. */
function smaller(one: number | null, other: number | null): number | null {
  if (one === null || other === null) {
    return one ?? other;
  }
  return Math.min(one, other);
}
