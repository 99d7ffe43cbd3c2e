import { asAnswer, type BitFlags, CR4_PKE, CR4_PKS, type PlannedBits } from '../../paging/internal.ts';
import type { VcpuState } from '../vcpu/vcpu-state.ts';
import { fillGaps } from '../walks/fill-gaps.ts';
import type { Space } from '../walks/space.ts';
import { type Written, walkAndWrite } from '../walks/walk-and-write.ts';
import { findAssumptions } from './assumptions.ts';
import type { GuestTranslation, TranslateRequest } from './guest-translation.ts';
import { oneStage } from './one-stage.ts';
import { findRomEntries } from './rom-entries.ts';
import type { Judge, KeysReached, Question, StagedWalks } from './staged-walks.ts';
import { twoStages } from './two-stages.ts';

const NO_FLAGS: BitFlags = { setAccessed: false, setDirty: false, forceSetAccessed: false };
/** From here on whole pages of tables cost less than single entries. */
const MANY = 16;

type Request = Required<TranslateRequest>;

/**
 * Answers requests about one address space, and sets the bits that they ask for. All walks advance together, and all see the
 * tables as they were before the first bit was set.
 *
 * ```
 * requests ─► walks ─► keys read, if a walk came to where they judge ─► bits set ─► what the machine would answer ─► answers
 * ```
 *
 * @returns one answer for each request, in order
 * @throws GuestUsageError `ERR_GUEST_USAGE` when bits are to be set where nothing may be written; PagingInputError for a question
 * that no processor could ask.
 * @internal
 */
export async function answerRequests(requests: readonly TranslateRequest[], quick: Space): Promise<GuestTranslation[]> {
  const full = requests.map((request) => asAnswer({ flags: NO_FLAGS, ...request }));
  const { nested } = quick;
  // Key registers change nothing about the second stage.
  return nested === null ? answer(full, quick, oneStage) : answer(full, quick, (space) => twoStages(space, nested));
}

async function answer<T, Planned extends PlannedBits>(
  requests: readonly Request[],
  quick: Space,
  stagesOf: (space: Space) => StagedWalks<T, Planned>,
): Promise<GuestTranslation[]> {
  const first = await walkAll(stagesOf(quick), requests, 'asked');
  const space = await withKeys(requests, first, stagesOf(quick), quick);
  const stages = stagesOf(space);
  const seen = space === quick ? first : await judgeAgain(stages, pairs(requests, first), 'asked');
  const walkAndPlan = {
    walk: (open: readonly Request[]) => walkAll(stages, open, 'asked'),
    plan: (translation: T, { flags }: Request) => stages.plan(translation, flags),
  };
  const answered = await walkAndWrite(requests, seen, walkAndPlan, space);
  // One and the same context where no machine runs the guest.
  const onMachine = space.machineContext === space.context ? [] : await judgeAgain(stages, answered, 'machine');
  return answered.map((each, at) => report(each, onMachine[at] ?? each.translation, stages, space));
}

/** Key registers take milliseconds of a paused guest: they are read only if a walk has come to where they judge. */
async function withKeys<T>(
  requests: readonly Request[],
  walked: readonly T[],
  { keysReached }: Pick<StagedWalks<T, PlannedBits>, 'keysReached'>,
  quick: Space,
): Promise<Space> {
  const { complete, state } = quick;
  if (complete === undefined) return quick;
  const isJudged = ({ request, translation }: Pair<T>): boolean =>
    !request.access.exec && areKeysInForce(keysReached(translation), state);
  return pairs(requests, walked).some(isJudged) ? complete() : quick;
}

/** PKRU judges data accesses to user pages, PKRS those to supervisor pages, each where CR4 puts it in force. */
function areKeysInForce(reached: KeysReached, { cr4 }: VcpuState): boolean {
  const bits = { user: CR4_PKE, supervisor: CR4_PKS, any: CR4_PKE | CR4_PKS, none: 0n }[reached];
  return (cr4.value & bits) !== 0n;
}

async function walkAll<T>(
  { walkFew, walkPages, together }: StagedWalks<T, PlannedBits>,
  questions: readonly Question[],
  judge: Judge,
): Promise<readonly T[]> {
  if (questions.length < MANY) return walkFew(questions, judge);
  const translations: T[] = [];
  for (let start = 0; start < questions.length; start += together) {
    translations.push(...(await walkPages(questions.slice(start, start + together), judge)));
  }
  return translations;
}

interface Pair<T> {
  readonly request: Question;
  readonly translation: T;
}

function pairs<T>(requests: readonly Request[], walked: readonly T[]): readonly (Pair<T> & { request: Request })[] {
  return requests.map((request, at) => ({ request, translation: walked[at] as T }));
}

/** Judges translations once more; memory is read only where another judge goes on further than the first did. */
function judgeAgain<T>(
  stages: StagedWalks<T, PlannedBits>,
  judged: readonly Pair<T>[],
  judge: Judge,
): Promise<readonly T[]> {
  const again = judged.map(({ request, translation }) => stages.again(translation, request.access, judge));
  return fillGaps(again, (places) =>
    walkAll(
      stages,
      places.flatMap((at) => judged[at]?.request ?? []),
      judge,
    ),
  );
}

function report<T, Planned extends PlannedBits>(
  { request, translation, wrote, bitsAreSet }: Written<Request, T, Planned>,
  onMachine: T,
  stages: StagedWalks<T, Planned>,
  { state, context, map }: Space,
): GuestTranslation {
  const { first, both, end } = stages.partsOf(translation, request.access);
  return asAnswer<GuestTranslation>({
    request,
    cpu: state.cpu,
    mode: context.mode,
    profile: context.profile.name,
    translation: first,
    nested: both && { translation: both, wrote: wrote.filter(isOfSecondStage) },
    wrote: wrote.filter((bits) => !isOfSecondStage(bits)),
    bitsAreSet,
    region: end === null ? null : map.regionAt(end),
    inRom: findRomEntries(map, first, both),
    deviation: stages.findDeviation(translation, onMachine),
    assumed: findAssumptions(state, first, both),
  });
}

function isOfSecondStage(bits: PlannedBits): boolean {
  return 'stage' in bits && bits.stage === 'nested';
}
