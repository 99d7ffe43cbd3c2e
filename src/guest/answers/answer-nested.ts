import {
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
import { fillGaps } from '../walks/fill-gaps.ts';
import { retranslateNested } from '../walks/retranslate-nested.ts';
import { runWalks } from '../walks/run-walks.ts';
import type { NestedStages, Space } from '../walks/space.ts';
import { walkAndWrite } from '../walks/walk-and-write.ts';
import { findAssumptions } from './assumptions.ts';
import { findNestedDeviation } from './deviation.ts';
import type { GuestTranslation, TranslateRequest } from './guest-translation.ts';
import { findRomEntries } from './rom-entries.ts';

type Request = Required<TranslateRequest>;
type Question = Pick<Request, 'linearAddress' | 'access'>;

/**
 * Answers requests about a nested guest (L2): addresses go through its own tables and through the second stage. Bits are set
 * in both.
 *
 * @throws as `answerRequests`.
 * @internal
 */
export async function answerNested(
  requests: readonly Request[],
  nested: NestedStages,
  space: Space,
): Promise<GuestTranslation[]> {
  const walk = (open: readonly Request[]): Promise<NestedTranslation[]> =>
    walkAll(open, space.context, nested.context, space);
  const plan = (translation: NestedTranslation, { flags }: Request): readonly NestedPlannedBits[] =>
    planNestedBits(translation, flags);
  const answered = await walkAndWrite(requests, await walk(requests), { walk, plan }, space);
  const onMachine = await answerAsMachine(answered, nested.onMachine, space);
  return answered.map(({ request, translation, wrote, bitsAreSet }, at) => {
    const first = firstStageOf(translation, request, space.context);
    return asAnswer<GuestTranslation>({
      request,
      cpu: space.state.cpu,
      mode: space.context.mode,
      profile: space.context.profile.name,
      translation: first,
      nested: { translation, wrote: wrote.filter(({ stage }) => stage === 'nested') },
      wrote: wrote.filter(({ stage }) => stage === 'guest'),
      bitsAreSet,
      region: translation.kind === 'mapped' ? space.map.regionAt(translation.l1PhysicalAddress) : null,
      inRom: findRomEntries(space.map, first, translation),
      deviation: findNestedDeviation(space.state, translation, onMachine[at] ?? translation),
      assumed: findAssumptions(space.state, first, translation),
    });
  });
}

async function walkAll(
  questions: readonly Question[],
  guest: PagingContext,
  nested: NestedContext,
  { memory, map }: Space,
): Promise<NestedTranslation[]> {
  const walks = questions.map(({ linearAddress, access }) => {
    const walk = new NestedWalk(guest, nested);
    startNestedWalk(walk, linearAddress, access);
    return walk;
  });
  await runWalks(walks, memory, map);
  return walks.map((walk) => toNestedTranslation(walk, nested));
}

/** What the machine that runs the guest makes of the questions; memory is read only where it goes on further than we did. */
async function answerAsMachine(
  answered: readonly { readonly request: Question; readonly translation: NestedTranslation }[],
  nested: NestedContext,
  space: Space,
): Promise<readonly NestedTranslation[]> {
  const { machineContext } = space;
  const answers = answered.map(({ request, translation }) =>
    retranslateNested(machineContext, nested, translation, request.access),
  );
  return fillGaps(answers, (places) =>
    walkAll(
      places.flatMap((at) => answered[at]?.request ?? []),
      machineContext,
      nested,
      space,
    ),
  );
}

/**
 * The translation in the nested guest's own terms. What the second stage refuses is memory that is not there to it:
 * KVM_TRANSLATE2's INVALID_GPA.
 */
function firstStageOf(
  translation: NestedTranslation,
  { access }: Required<TranslateRequest>,
  context: PagingContext,
): Translation {
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
    pageSize: null,
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
