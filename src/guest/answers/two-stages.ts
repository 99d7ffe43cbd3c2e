import {
  type Access,
  asAnswer,
  type FaultedTranslation,
  type NestedContext,
  type NestedPlannedBits,
  type NestedTranslation,
  NestedWalk,
  type PagingContext,
  planNestedBits,
  startNestedWalk,
  type Translation,
  toNestedTranslation,
} from '../../paging/internal.ts';
import { retranslateNested } from '../walks/retranslate-nested.ts';
import { runWalks } from '../walks/run-walks.ts';
import type { NestedStages, Space } from '../walks/space.ts';
import { NESTED_WALKED_TOGETHER, walkManyNested } from '../walks/walk-many-nested.ts';
import { columnsOf } from './columns-of.ts';
import { findNestedDeviation } from './deviation.ts';
import type { Judge, KeysReached, StagedWalks } from './staged-walks.ts';

/** Walks of a nested guest (L2): through its own tables and the second stage. Bits are set in both. @internal */
export function twoStages(space: Space, nested: NestedStages): StagedWalks<NestedTranslation, NestedPlannedBits> {
  const contextsFor = (judge: Judge): readonly [PagingContext, NestedContext] =>
    judge === 'asked' ? [space.context, nested.context] : [space.machineContext, nested.onMachine];
  return {
    together: NESTED_WALKED_TOGETHER,
    async walkFew(questions, judge) {
      const [guest, stage] = contextsFor(judge);
      const walks = questions.map(({ linearAddress, access }) => {
        const walk = new NestedWalk(guest, stage);
        startNestedWalk(walk, linearAddress, access);
        return walk;
      });
      await runWalks(walks, space.memory, space.map);
      return walks.map((walk) => toNestedTranslation(walk, stage));
    },
    async walkPages(questions, judge) {
      const [guest, stage] = contextsFor(judge);
      const translations = new Array<NestedTranslation>(questions.length);
      const keep = (index: number, walk: NestedWalk): void => {
        translations[index] = toNestedTranslation(walk, stage);
      };
      await walkManyNested(guest, stage, columnsOf(questions, guest), await space.cache(), keep, true);
      return translations;
    },
    again: (translation, access, judge) => retranslateNested(...contextsFor(judge), translation, access),
    keysReached,
    plan: planNestedBits,
    partsOf: (both, access) => ({
      first: firstStageOf(both, access, space.context),
      both,
      end: both.kind === 'mapped' ? both.l1PhysicalAddress : null,
    }),
    findDeviation: (translation, onMachine) => findNestedDeviation(space.state, translation, onMachine),
  };
}

/** The page may have been refused by the second stage where keys would have denied the access before. */
function keysReached(translation: NestedTranslation): KeysReached {
  if (translation.kind === 'nested-fault') return 'any';
  const { rights } = translation.guest;
  return rights === null ? 'none' : rights.user ? 'user' : 'supervisor';
}

/**
 * The translation in the nested guest's own terms. What the second stage refuses is memory that is not there to it:
 * KVM_TRANSLATE2's INVALID_GPA.
 */
function firstStageOf(translation: NestedTranslation, access: Access, context: PagingContext): Translation {
  if (translation.kind !== 'nested-fault') return translation.guest;
  const { linearAddress, untaggedAddress, guestSteps, reason } = translation;
  return asAnswer<FaultedTranslation>({
    kind: 'fault',
    linearAddress,
    untaggedAddress,
    access,
    cause: 'unbacked-table',
    vector: null,
    errorCode: null,
    responsible: responsibleOf(translation, context),
    rights: null,
    pageSizeBytes: null,
    protectionKey: null,
    steps: guestSteps,
    reason,
  });
}

/** The guest's entry that the second stage keeps from it; none for the page, for which no entry of the guest is to blame. */
function responsibleOf(
  { purpose, guestSteps, l2PhysicalAddress }: Extract<NestedTranslation, { kind: 'nested-fault' }>,
  { levels }: PagingContext,
): FaultedTranslation['responsible'] {
  if (purpose === 'final') return null;
  // Read before, and refused when A or D was to be written.
  const read = guestSteps.find(({ address }) => address === l2PhysicalAddress);
  return { level: (read ?? levels[guestSteps.length])?.level ?? 0, address: l2PhysicalAddress };
}
