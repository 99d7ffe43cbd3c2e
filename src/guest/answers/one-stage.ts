import {
  type PagingContext,
  type PlannedBits,
  planBits,
  startWalk,
  type Translation,
  toTranslation,
  Walk,
} from '../../paging/internal.ts';
import { retranslate } from '../walks/retranslate.ts';
import { runWalks } from '../walks/run-walks.ts';
import type { Space } from '../walks/space.ts';
import { WALKED_TOGETHER, walkMany } from '../walks/walk-many.ts';
import { columnsOf } from './columns-of.ts';
import { findDeviation } from './deviation.ts';
import type { Judge, StagedWalks } from './staged-walks.ts';

/** Walks through the guest's own tables alone. @internal */
export function oneStage(space: Space): StagedWalks<Translation, PlannedBits> {
  const contextFor = (judge: Judge): PagingContext => (judge === 'asked' ? space.context : space.machineContext);
  return {
    together: WALKED_TOGETHER,
    async walkFew(questions, judge) {
      const walks = questions.map(({ linearAddress, access }) => {
        const walk = new Walk(contextFor(judge));
        startWalk(walk, linearAddress, access);
        return walk;
      });
      await runWalks(walks, space.memory, space.map);
      return walks.map(toTranslation);
    },
    async walkPages(questions, judge) {
      const context = contextFor(judge);
      const translations = new Array<Translation>(questions.length);
      await walkMany(context, columnsOf(questions, context), await space.cache(), (index, walk) => {
        translations[index] = toTranslation(walk);
      });
      return translations;
    },
    again: (translation, _access, judge) => retranslate(contextFor(judge), translation),
    keysReached: ({ rights }) => (rights === null ? 'none' : rights.user ? 'user' : 'supervisor'),
    plan: planBits,
    partsOf: (first) => ({ first, both: null, end: first.kind === 'mapped' ? first.physicalAddress : null }),
    findDeviation: (translation, onMachine) => findDeviation(space.state, translation, onMachine),
  };
}
