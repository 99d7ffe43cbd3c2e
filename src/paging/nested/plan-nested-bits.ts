import { asAnswer } from '../as-answer.ts';
import type { PagingContext } from '../rules/context.ts';
import type { BitFlags, PlannedBits } from '../walk/plan-bits.ts';
import { planBits } from '../walk/plan-bits.ts';
import { processorBits } from '../walk/processor-bits.ts';
import type { Translation, WalkStep } from '../walk/translation.ts';
import type { NestedContext } from './nested-context.ts';
import type { NestedStep, NestedTranslation } from './nested-translation.ts';

/** Bits of one entry of either stage, at an L1 physical address. @public */
export interface NestedPlannedBits extends PlannedBits {
  readonly stage: 'guest' | 'nested';
}

/** The bits of the guest's entries, put where the second stage has them. An unavailable entry has none. */
function inL1(planned: readonly PlannedBits[], walks: readonly NestedStep[]): NestedPlannedBits[] {
  const inL1Of = new Map(walks.map((walk) => [walk.l2PhysicalAddress, walk.l1PhysicalAddress]));
  return planned.flatMap((bits) => {
    const address = inL1Of.get(bits.address);
    return typeof address === 'bigint' ? [asAnswer({ ...bits, address, stage: 'guest' as const })] : [];
  });
}

/**
 * Several walks use the same nested entries: one plan for each entry of a stage, in the place where it is first used. (In tables
 * that lead into themselves an entry may belong to both.)
 */
function mergeByEntry(planned: readonly NestedPlannedBits[]): NestedPlannedBits[] {
  const merged = new Map<string, NestedPlannedBits>();
  for (const bits of planned) {
    const key = `${bits.stage} ${bits.address}`;
    const { accessed = false, dirty = false } = merged.get(key) ?? {};
    const first = merged.get(key) ?? bits;
    merged.set(key, asAnswer({ ...first, accessed: accessed || bits.accessed, dirty: dirty || bits.dirty }));
  }
  return [...merged.values()];
}

type StagePlan = (translation: Translation) => readonly PlannedBits[];

/** In the processor's order: for each guest entry the nested entries that lead to it, then its own; at the end the page's. */
function interleave(
  walks: readonly NestedStep[],
  guestBits: readonly NestedPlannedBits[],
  stagePlan: StagePlan,
): NestedPlannedBits[] {
  const ofEntry = new Map(guestBits.map((bits) => [bits.address, bits]));
  const planned = walks.flatMap((walk) => {
    const nested = stagePlan(walk.translation).map((bits) => ({ ...bits, stage: 'nested' as const }));
    const own =
      walk.purpose === 'table' && walk.l1PhysicalAddress !== null ? ofEntry.get(walk.l1PhysicalAddress) : undefined;
    return own ? [...nested, own] : nested;
  });
  return mergeByEntry(planned);
}

/** The second stage's own bits for one of its walks: D where that walk was a write. */
const planStage: StagePlan = (translation) =>
  planBits(translation, { setAccessed: true, setDirty: translation.access.write, forceSetAccessed: false });

/** A in entries that were passed before the second stage ended the walk; D never. */
function planPassed(guestSteps: readonly WalkStep[], setsPdpteAccessed = false): readonly PlannedBits[] {
  return guestSteps.flatMap(({ address, level, value, sizeBytes, usageBits, hasAccessed }) =>
    (hasAccessed || setsPdpteAccessed) && (value & usageBits.accessed) === 0n
      ? [asAnswer({ address, level, value, sizeBytes, usageBits, accessed: true, dirty: false })]
      : [],
  );
}

/**
 * The accessed and dirty bits of both stages that the flags ask for, in the processor's order. On a failed translation only
 * FORCE_SET_ACCESSED sets any: in what was passed.
 *
 * @returns addresses are L1 physical
 * @public
 */
export function planNestedBits(translation: NestedTranslation, flags: BitFlags): readonly NestedPlannedBits[] {
  if (!flags.setAccessed) return [];
  if (translation.kind !== 'mapped' && !flags.forceSetAccessed) return [];
  const { walks } = translation;
  const guestBits =
    translation.kind === 'nested-fault' ? planPassed(translation.guestSteps) : planBits(translation.guest, flags);
  return interleave(walks, inL1(guestBits, walks), planStage);
}

/**
 * The bits that the processor of the contexts' profiles sets by itself when it makes the access, on failures too where it does.
 *
 * @returns addresses are L1 physical
 * @public
 */
export function processorNestedBits(
  translation: NestedTranslation,
  guest: PagingContext,
  nested: NestedContext,
): readonly NestedPlannedBits[] {
  const { walks } = translation;
  const stagePlan: StagePlan = (stage) => processorBits(nested.stage, stage);
  return interleave(walks, inL1(guestBitsOf(translation, guest), walks), stagePlan);
}

/** Where A is set in passing, a guest whose tables are in part unavailable has A in the others. */
function guestBitsOf(translation: NestedTranslation, guest: PagingContext): readonly PlannedBits[] {
  if (translation.kind !== 'nested-fault') return processorBits(guest, translation.guest);
  const { accessedOnFault, setsBitsBeforeNestedPage, setsPdpteAccessed } = guest.profile;
  if (accessedOnFault !== 'entries-passed') return [];
  const { guest: mapped, guestSteps } = translation;
  if (mapped && setsBitsBeforeNestedPage) return processorBits(guest, mapped);
  return planPassed(mapped ? guestSteps.slice(0, -1) : guestSteps, setsPdpteAccessed);
}
