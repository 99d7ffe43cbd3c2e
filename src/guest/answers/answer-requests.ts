import {
  asAnswer,
  type BitFlags,
  CR4_PKE,
  CR4_PKS,
  encodeAccess,
  type PagingContext,
  type PlannedBits,
  planBits,
  startWalk,
  type Translation,
  toTranslation,
  Walk,
} from '../../paging/internal.ts';
import type { VcpuState } from '../vcpu/vcpu-state.ts';
import { fillGaps } from '../walks/fill-gaps.ts';
import { retranslate } from '../walks/retranslate.ts';
import { runWalks } from '../walks/run-walks.ts';
import type { Space } from '../walks/space.ts';
import { type Written, walkAndWrite } from '../walks/walk-and-write.ts';
import { halvesOf, WALKED_TOGETHER, walkMany } from '../walks/walk-many.ts';
import { answerNested } from './answer-nested.ts';
import { findAssumptions } from './assumptions.ts';
import { findDeviation } from './deviation.ts';
import type { GuestTranslation, TranslateRequest } from './guest-translation.ts';
import { findRomEntries } from './rom-entries.ts';

const NO_FLAGS: BitFlags = { setAccessed: false, setDirty: false, forceSetAccessed: false };
/** From here on whole pages of tables cost less than single entries. */
const MANY = 16;

type Request = Required<TranslateRequest>;
type Question = Pick<TranslateRequest, 'linearAddress' | 'access'>;

type Answered = Written<Request, Translation, PlannedBits>;

/**
 * Answers requests about one address space, and sets the bits that they ask for. All walks advance together, and all see the
 * tables as they were before the first bit was set.
 *
 * @returns one answer for each request, in order
 * @throws GuestUsageError `ERR_GUEST_USAGE` when bits are to be set where nothing may be written.
 * @internal
 */
export async function answerRequests(requests: readonly TranslateRequest[], quick: Space): Promise<GuestTranslation[]> {
  const full = requests.map((request) => asAnswer({ flags: NO_FLAGS, ...request }));
  if (quick.nested !== null) return answerNested(full, quick.nested, quick.complete ? await quick.complete() : quick);
  const first = await walkAll(full, quick.context, quick);
  // Key registers take milliseconds of a standing guest: they are read only if a walk has come to where they judge.
  const { complete } = quick;
  const space = complete && first.some((each) => isJudgedByKeys(each, quick.state)) ? await complete() : quick;
  const seen =
    space === quick ? first : first.map((translation) => retranslate(space.context, translation) ?? translation);
  const walkAndPlan = {
    walk: (open: readonly Request[]) => walkAll(open, space.context, space),
    plan: (translation: Translation, { flags }: Request) => planBits(translation, flags),
  };
  const answered = await walkAndWrite(full, seen, walkAndPlan, space);
  const onMachine = await answerAsMachine(
    answered.map(({ translation }) => translation),
    space,
  );
  return answered.map((answer, at) => report(answer, onMachine[at] ?? answer.translation, space));
}

/** PKRU judges data accesses to user pages, PKRS those to supervisor pages, each where CR4 puts it in force. */
function isJudgedByKeys({ access, rights }: Translation, { cr4 }: VcpuState): boolean {
  return rights !== null && !access.exec && (cr4.value & (rights.user ? CR4_PKE : CR4_PKS)) !== 0n;
}

async function walkAll(questions: readonly Question[], context: PagingContext, space: Space): Promise<Translation[]> {
  return questions.length < MANY ? walkFew(questions, context, space) : walkPages(questions, context, space);
}

async function walkFew(questions: readonly Question[], context: PagingContext, space: Space): Promise<Translation[]> {
  const walks = questions.map(({ linearAddress, access }) => {
    const walk = new Walk(context);
    startWalk(walk, linearAddress, access);
    return walk;
  });
  await runWalks(walks, space.memory, space.map);
  return walks.map(toTranslation);
}

async function walkPages(questions: readonly Question[], context: PagingContext, space: Space): Promise<Translation[]> {
  const translations: Translation[] = [];
  for (let start = 0; start < questions.length; start += WALKED_TOGETHER) {
    translations.push(...(await walkChunk(questions.slice(start, start + WALKED_TOGETHER), context, space)));
  }
  return translations;
}

async function walkChunk(questions: readonly Question[], context: PagingContext, space: Space): Promise<Translation[]> {
  const translations = new Array<Translation>(questions.length);
  const addresses = BigInt64Array.from(questions, ({ linearAddress }) => BigInt.asIntN(64, linearAddress));
  const columns = {
    halves: halvesOf(addresses),
    accesses: Uint16Array.from(questions, ({ access }) => encodeAccess(access)),
  };
  await walkMany(context, columns, await space.cache(), (index, walk) => {
    translations[index] = toTranslation(walk);
  });
  return translations;
}

/** What the machine that runs the guest makes of the questions; memory is read only where it goes on further than we did. */
async function answerAsMachine(translations: readonly Translation[], space: Space): Promise<readonly Translation[]> {
  const answers = translations.map((translation) => retranslate(space.machineContext, translation));
  return fillGaps(answers, (places) =>
    walkAll(
      places.flatMap((at) => translations[at] ?? []),
      space.machineContext,
      space,
    ),
  );
}

function report(
  { request, translation, wrote, bitsAreSet }: Answered,
  onMachine: Translation,
  { state, context, map }: Space,
): GuestTranslation {
  return asAnswer<GuestTranslation>({
    request,
    cpu: state.cpu,
    mode: context.mode,
    profile: context.profile.name,
    translation,
    nested: null,
    wrote,
    bitsAreSet,
    region: translation.kind === 'mapped' ? map.regionAt(translation.physicalAddress) : null,
    inRom: findRomEntries(map, translation, null),
    deviation: findDeviation(state, translation, onMachine),
    assumed: findAssumptions(state, translation),
  });
}
