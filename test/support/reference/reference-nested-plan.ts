import { eptHasFlags } from './reference-ept.ts';
import type {
  ReferenceNested,
  ReferenceNestedTranslation,
  ReferenceNestedWalk,
} from './reference-nested-translation.ts';
import type { ReferenceBits } from './reference-plan.ts';
import type { ReferenceAccess, ReferenceMachine, ReferenceStep } from './reference-translation.ts';
import { referenceMode } from './reference-walker.ts';

/** Bits to set in an entry of one of the stages, at its host-physical address. @internal */
export interface ReferenceNestedBits extends ReferenceBits {
  stage: 'guest' | 'nested';
}

/** The masks of A and D: bits 5 and 6, in EPT 8 and 9. */
const ordinary = { accessed: 0x20n, dirty: 0x40n };
const extended = { accessed: 0x100n, dirty: 0x200n };

/** Which bits are asked for. @internal */
export interface ReferenceNestedDemand {
  /** Of the guest's entries that were used, if the access fails: those above the one to blame. */
  guestOnFault: boolean;
  /** Of nested entries, if the access fails: those of every walk that led somewhere. */
  nestedOnFault: boolean;
}

/**
 * The accessed and dirty bits of an access, in the order in which the processor comes by: the nested entries that lead to an
 * entry of the guest, then that entry, and in the end the nested entries that lead to the data. APM vol. 2, 15.25.5; SDM vol. 3A,
 * 4.8, and 3C, 28.3.5.
 *
 * What is set when the access fails both manuals leave open, so that it is the caller's to say.
 *
 * @internal
 */
export function referenceNestedPlan(
  translation: ReferenceNestedTranslation,
  guest: ReferenceMachine,
  nested: ReferenceNested,
  access: ReferenceAccess,
  demand: ReferenceNestedDemand = { guestOnFault: false, nestedOnFault: false },
): ReferenceNestedBits[] {
  const isMapped = translation.kind === 'mapped';
  const plan = new Plan();
  const isPae = referenceMode(guest) === 'pae';
  const steps = [...guestSteps(translation)];
  const above = steps.slice(0, passedCount(translation, steps));
  // Held in registers, PDPTEs are not loaded: the first table of all is a page directory.
  const loadsPointers = isPae && guest.registers.pdptes === undefined;
  if (isPae && !loadsPointers) {
    steps.shift();
  }
  for (const [position, walk] of translation.walks.entries()) {
    const { l1PhysicalAddress } = walk;
    if (l1PhysicalAddress === null) {
      break;
    }
    const step = walk.purpose === 'table' ? steps[position] : undefined;
    const isPointer = loadsPointers && (step?.level === 3 || (step === undefined && position === 0));
    const writes = walk.purpose === 'final' ? access.write : !isPointer || nested.kind === 'npt';
    if (isMapped || demand.nestedOnFault) {
      addNested(plan, walk, nested, { write: writes });
    }
    if (step !== undefined && !isPointer && (isMapped || (demand.guestOnFault && above.includes(step)))) {
      const isLeaf = isMapped && position === steps.length - 1;
      plan.add('guest', { ...step, address: l1PhysicalAddress }, ordinary, isLeaf && access.write);
    }
  }
  return plan.bits;
}

function guestSteps(translation: ReferenceNestedTranslation): readonly ReferenceStep[] {
  return translation.kind === 'nested-fault' ? translation.guestSteps : translation.guest.steps;
}

/** How many of the guest's entries lie above the one that ended its walk; all, where a nested entry did. */
function passedCount(translation: ReferenceNestedTranslation, steps: readonly ReferenceStep[]): number {
  if (translation.kind !== 'guest-fault') {
    return steps.length;
  }
  const { responsible } = translation.guest;
  const culprit = steps.findIndex(({ level }) => level === responsible?.level);
  return culprit === -1 ? steps.length : culprit;
}

/** APM: a walk of the guest's tables writes to them. SDM 28.3.5: likewise, but for loads of PDPTEs; only with EPTP[6]. */
function addNested(
  plan: Plan,
  walk: ReferenceNestedWalk,
  nested: ReferenceNested,
  { write }: { write: boolean },
): void {
  if (nested.kind === 'ept' && !eptHasFlags(nested)) {
    return;
  }
  const hasPointers = nested.kind === 'npt' && referenceMode(nested.host) === 'pae';
  const masks = nested.kind === 'npt' ? ordinary : extended;
  for (const [position, step] of walk.steps.entries()) {
    if (!(hasPointers && step.level === 3)) {
      plan.add('nested', step, masks, write && position === walk.steps.length - 1);
    }
  }
}

/**
 * One row for an entry of a stage, however often it is used: a second write to it would find it changed. Where tables lead in
 * circles, one entry may be used at several levels; which of them the row then has does not matter.
 */
class Plan {
  readonly #rows = new Map<string, ReferenceNestedBits>();

  get bits(): ReferenceNestedBits[] {
    return [...this.#rows.values()];
  }

  add(
    stage: ReferenceNestedBits['stage'],
    { address, level, value }: Pick<ReferenceStep, 'address' | 'level' | 'value'>,
    masks: typeof ordinary,
    isWritten: boolean,
  ): void {
    const accessed = (value & masks.accessed) === 0n;
    const dirty = isWritten && (value & masks.dirty) === 0n;
    if (accessed || dirty) {
      const key = `${stage} ${address}`;
      const row = this.#rows.get(key);
      const all = { accessed: accessed || (row?.accessed ?? false), dirty: dirty || (row?.dirty ?? false) };
      this.#rows.set(key, { stage, address, level, ...all });
    }
  }
}
