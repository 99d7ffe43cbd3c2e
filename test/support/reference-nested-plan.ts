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

type Mapped = Extract<ReferenceNestedTranslation, { kind: 'mapped' }>;

/** The masks of A and D: bits 5 and 6, in EPT 8 and 9. */
const ordinary = { accessed: 0x20n, dirty: 0x40n };
const extended = { accessed: 0x100n, dirty: 0x200n };

/**
 * The accessed and dirty bits that a processor sets when an access succeeds, in the order in which it comes by: the nested
 * entries that lead to an entry of the guest, then that entry, and in the end the nested entries that lead to the data. APM
 * vol. 2, 15.25.5; SDM vol. 3A, 4.8, and 3C, 28.3.5. A bit is set once, however often its entry is used.
 *
 * @internal
 */
export function referenceNestedPlan(
  translation: ReferenceNestedTranslation,
  guest: ReferenceMachine,
  nested: ReferenceNested,
  access: ReferenceAccess,
): ReferenceNestedBits[] {
  if (translation.kind !== 'mapped') {
    return [];
  }
  const plan = new Plan();
  const isPae = referenceMode(guest) === 'pae';
  const steps = [...translation.guest.steps];
  if (isPae && guest.registers.pdptes !== undefined) {
    steps.shift();
  }
  for (const walk of translation.walks) {
    const step = walk.purpose === 'table' ? steps.shift() : undefined;
    const isPointer = isPae && step?.level === 3;
    addNested(plan, walk, nested, { write: step === undefined ? access.write : !isPointer || nested.kind === 'npt' });
    if (step !== undefined && !isPointer) {
      const isLeaf = steps.length === 0;
      plan.add('guest', { ...step, address: hostAddressOf(walk) }, ordinary, isLeaf && access.write);
    }
  }
  return plan.bits;
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

function hostAddressOf(walk: Mapped['walks'][number]): bigint {
  if (walk.hostPhysicalAddress === null) {
    throw new Error('a walk of a translation that succeeded did not');
  }
  return walk.hostPhysicalAddress;
}

class Plan {
  readonly bits: ReferenceNestedBits[] = [];
  readonly #done = new Map<bigint, bigint>();

  add(
    stage: ReferenceNestedBits['stage'],
    { address, level, value }: Pick<ReferenceStep, 'address' | 'level' | 'value'>,
    masks: typeof ordinary,
    isWritten: boolean,
  ): void {
    const present = value | (this.#done.get(address) ?? 0n);
    const accessed = (present & masks.accessed) === 0n;
    const dirty = isWritten && (present & masks.dirty) === 0n;
    if (accessed || dirty) {
      this.bits.push({ stage, address, level, accessed, dirty });
      const added = (accessed ? masks.accessed : 0n) | (dirty ? masks.dirty : 0n);
      this.#done.set(address, (this.#done.get(address) ?? 0n) | added);
    }
  }
}
