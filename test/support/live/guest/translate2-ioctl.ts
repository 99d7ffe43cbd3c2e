import {
  decisiveTranslation,
  decodeRequestTerms,
  decodeTranslate2,
  encodeTranslate2,
  type Translate2Request,
  type Translate2Rules,
  type Translate2Structure,
  type Translate2Terms,
  toTranslate2Answer,
  walkedAccesses,
} from '../../../../src/abi/index.ts';
import type { GuestTranslation, GuestView, TranslateScope } from '../../../../src/guest/index.ts';
import { planBits, type Translation } from '../../../../src/paging/index.ts';

type Guest = Pick<GuestView, 'translate' | 'setBits'>;
type Question = Translate2Terms & { readonly linearAddress: bigint };

/**
 * KVM_TRANSLATE2 on a live guest, bytes in and bytes out, many at once.
 *
 * @throws AbiError as the ioctl fails with EINVAL, before anything is asked of the guest
 * @internal
 */
export async function translate2(
  guest: Guest,
  requests: readonly Translate2Request[],
  scope: TranslateScope = {},
  rules: Translate2Rules = {},
): Promise<Translate2Structure[]> {
  const received = requests.map((request) => decodeTranslate2(encodeTranslate2(request)));
  const questions = received.map(({ linearAddress, ...bits }) => ({
    linearAddress,
    ...decodeRequestTerms(bits, rules),
  }));
  const single = questions.filter(({ access }) => walkedAccesses(access).length === 1);
  const answers = new Map((await guest.translate(single, scope)).map((answer, at) => [single[at], answer] as const));
  const structures: Translate2Structure[] = [];
  for (const [at, question] of questions.entries()) {
    const { translation, bitsAreSet } = answers.get(question) ?? (await translateBoth(guest, question, scope));
    const answer = toTranslate2Answer(translation, question.flags, bitsAreSet);
    structures.push(decodeTranslate2(encodeTranslate2(received[at] as Translate2Structure, answer)));
  }
  return structures;
}

/** A write that is also a fetch: both are walked, and the bits of the one that decides are set. */
async function translateBoth(
  guest: Guest,
  { linearAddress, access, flags }: Question,
  scope: TranslateScope,
): Promise<Pick<GuestTranslation, 'bitsAreSet'> & { readonly translation: Translation }> {
  const requests = walkedAccesses(access).map((each) => ({ linearAddress, access: each }));
  const translations = (await guest.translate(requests, scope)).map((answer) => answer.translation);
  const translation = decisiveTranslation(translations);
  const planned = planBits(translation, flags);
  const set = await guest.setBits(planned, scope.cpu);
  return { translation, bitsAreSet: set.length === planned.length };
}
