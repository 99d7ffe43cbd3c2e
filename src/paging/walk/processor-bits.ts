import type { PagingContext } from '../rules/context.ts';
import { highHalf } from '../rules/halves.ts';
import type { PlannedBits } from './plan-bits.ts';
import type { Translation, WalkStep } from './translation.ts';

/** The 1 GB leaf's A bit that TCG sets before it looks at the leaf's low reserved bits and at the rights. */
function isSetEarly(context: PagingContext, step: WalkStep): boolean {
  if (!context.profile.accessedEarlyIn1G || !step.leaf || step.level !== 3) return false;
  const level = context.levels.find((candidate) => candidate.level === step.level);
  return level !== undefined && (highHalf(step.value) & level.leafReservedHigh) === 0;
}

/** The entries in which the processor sets A, for an access that failed. */
function passedOnFault(context: PagingContext, translation: Translation): readonly WalkStep[] {
  const { accessedOnFault } = context.profile;
  if (translation.kind === 'mapped' || accessedOnFault === 'none') return [];
  const { steps, cause } = translation;
  if (accessedOnFault === 'where-denied' && cause !== 'privilege-violation') return [];
  return steps.filter((step, at) => {
    const stopped = at === steps.length - 1 && cause !== 'unbacked-table';
    return !stopped || isSetEarly(context, step);
  });
}

/**
 * The accessed and dirty bits that the processor of the context's profile sets by itself when it makes the access: what to
 * expect in memory afterwards, as against {@link planBits}, which is what a caller asks for.
 *
 * @public
 */
export function processorBits(context: PagingContext, translation: Translation): readonly PlannedBits[] {
  const used = translation.kind === 'mapped' ? translation.steps : passedOnFault(context, translation);
  return used.flatMap((step) => {
    const { address, level, value, sizeBytes, usageBits } = step;
    const hasAccessed = step.hasAccessed || context.profile.setsPdpteAccessed;
    const accessed = hasAccessed && (value & usageBits.accessed) === 0n;
    const writes = translation.kind === 'mapped' && step.leaf && step.hasAccessed && translation.access.write;
    const dirty = writes && (value & usageBits.dirty) === 0n;
    return accessed || dirty ? [{ address, level, value, sizeBytes, accessed, dirty, usageBits }] : [];
  });
}

/**
 * What CR2 holds after the fault, or null where it stays as it was: #PF puts the linear address there (SDM vol. 3A, 4.7), #GP
 * does not, except in a QEMU that has it wrong.
 *
 * @public
 */
export function cr2AfterFault(context: PagingContext, translation: Translation): bigint | null {
  if (translation.kind === 'mapped') return null;
  const reported = translation.vector === 14 || context.profile.nonCanonicalSetsCr2;
  return reported ? translation.untaggedAddress : null;
}
