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
  if (translation.kind === 'mapped') {
    guestMemory.setBits(access.write ? 0x60n : 0x20n);
  }
  if (guestMemory.isStopped || (translation.kind === 'fault' && translation.cause === 'unbacked-table')) {
    return nestedFault(visits, translation);
  }
  if (translation.kind === 'fault') {
    return { kind: 'guest-fault', guest: translation, walks: visits.map(toWalk) };
  }
  const { physicalAddress: l2PhysicalAddress } = translation;
  const outcome = guestMemory.visit(l2PhysicalAddress, finalAccess(access, translation));
  if (outcome.kind === 'refused') {
    return nestedFault(visits, translation);
  }
  return {
    kind: 'mapped',
    l2PhysicalAddress,
    l1PhysicalAddress: outcome.l1PhysicalAddress,
    pageSizeBytes: smaller(translation.pageSizeBytes, outcome.pageSizeBytes),
    guest: translation,
    walks: visits.map(toWalk),
  };
}

/** One guest-physical address that was translated. */
interface Visit {
  l2PhysicalAddress: bigint;
  purpose: ReferenceNestedWalk['purpose'];
  outcome: ReferenceNestedOutcome;
}

/** The guest's physical memory: the host's, seen through the nested tables. */
class GuestMemory implements ReferenceMemory {
  readonly visits: Visit[] = [];
  /** A bit could not be set. */
  isStopped = false;
  readonly #nested: ReferenceNested;
  readonly #memory: ReferenceMemory;
  /** PAE whose PDPTEs are in memory, not in registers: the first entry is one. */
  readonly #readsPointer: boolean;
  /** The entry that was read last. */
  #value = 0n;

  constructor(guest: ReferenceMachine, nested: ReferenceNested, memory: ReferenceMemory) {
    this.#nested = nested;
    this.#memory = memory;
    this.#readsPointer = referenceMode(guest) === 'pae' && guest.registers.pdptes === undefined;
  }

  readEntry(l2PhysicalAddress: bigint, sizeBytes: 4 | 8): bigint | null {
    // Who asks for another entry goes on from the one before, so that its A bit is set.
    this.setBits(0x20n);
    if (this.isStopped) {
      return null;
    }
    const outcome = this.visit(l2PhysicalAddress, this.#tableAccess());
    const value = outcome.kind === 'mapped' ? this.#memory.readEntry(outcome.l1PhysicalAddress, sizeBytes) : null;
    this.#value = value ?? 0n;
    return value;
  }

  visit(l2PhysicalAddress: bigint, access: ReferenceNestedAccess): ReferenceNestedOutcome {
    const outcome = this.#translate(this.#memory, l2PhysicalAddress, access);
    this.visits.push({ l2PhysicalAddress, purpose: access.purpose, outcome });
    return outcome;
  }

  /**
   * SDM 28.3.3.2: while EPT has no accessed and dirty flags of its own, an entry of the guest is only read, unless its A or D has
   * to be set: that is a data write to the page in which it lies. Everywhere else the entry was written to already.
   */
  setBits(bits: bigint): void {
    const last = this.visits.pop();
    if (last === undefined) {
      return;
    }
    const isPointer = this.#readsPointer && this.visits.length === 0;
    const isWritten = !isPointer && (this.#value & bits) !== bits;
    const outcome = isWritten ? this.#judgeAgain(last, UPDATE) : last.outcome;
    this.isStopped = outcome.kind === 'refused';
    this.visits.push({ ...last, outcome });
  }

  /** The same nested entries, judged anew: nothing is read. */
  #judgeAgain({ l2PhysicalAddress, outcome }: Visit, access: ReferenceNestedAccess): ReferenceNestedOutcome {
    const values = new Map(outcome.steps.map(({ address, value }) => [address, value]));
    const seen: ReferenceMemory = { readEntry: (address) => values.get(address) ?? null };
    return this.#translate(seen, l2PhysicalAddress, access);
  }

  #translate(
    memory: ReferenceMemory,
    l2PhysicalAddress: bigint,
    access: ReferenceNestedAccess,
  ): ReferenceNestedOutcome {
    return this.#nested.kind === 'npt'
      ? referenceNptWalk(this.#nested, memory, l2PhysicalAddress, access)
      : referenceEptWalk(this.#nested, memory, l2PhysicalAddress, access);
  }

  /**
   * APM 15.25.5: guest table walks write. SDM 28.3.3.2: so they do with accessed and dirty flags for EPT, and both bit 0 and
   * bit 1 of the qualification say so; but loads of PDPTEs are reads.
   */
  #tableAccess(): ReferenceNestedAccess {
    const isPointer = this.#readsPointer && this.visits.length === 0;
    const writes = this.#nested.kind === 'npt' || (eptHasFlags(this.#nested) && !isPointer);
    return writes ? UPDATE : { ...UPDATE, write: false };
  }
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
  user: false,
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
    user: isUserAccess(access),
    shadowStack: access.shadowStack ? whose : null,
    page: guest.rights,
  };
}

/** What the last visit came to: it was refused, or led to where the host has no memory, which is no entry's fault. */
function nestedFault(visits: readonly Visit[], guest: ReferenceTranslation): ReferenceNestedTranslation {
  const last = visits.at(-1);
  if (last === undefined) {
    throw new Error('the nested tables refused nothing');
  }
  const { l2PhysicalAddress, purpose, outcome } = last;
  const { cause, responsible, exitInfo1, exitQualification } = outcome.kind === 'refused' ? outcome : NO_MEMORY;
  const refusal = { cause, responsible, exitInfo1, exitQualification };
  const { untaggedAddress, steps: guestSteps } = guest;
  const where = { untaggedAddress, purpose, l2PhysicalAddress };
  return { kind: 'nested-fault', ...where, ...refusal, guestSteps, walks: visits.map(toWalk) };
}

function toWalk({ l2PhysicalAddress, purpose, outcome }: Visit): ReferenceNestedWalk {
  const l1PhysicalAddress = outcome.kind === 'mapped' ? outcome.l1PhysicalAddress : null;
  return { l2PhysicalAddress, purpose, steps: outcome.steps, l1PhysicalAddress };
}

/** What is contiguous in both stages is what is contiguous in the smaller page; without paging there is no limit. */
function smaller(one: number | null, other: number | null): number | null {
  if (one === null || other === null) {
    return one ?? other;
  }
  return Math.min(one, other);
}
