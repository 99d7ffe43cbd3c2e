import {
  decodeRequestTerms,
  decodeTranslate2,
  encodeTranslate2,
  type Translate2Request,
  type Translate2Structure,
  toTranslate2Answer,
} from '../../../src/abi/index.ts';
import type { GuestView, TranslateScope } from '../../../src/guest/index.ts';

/**
 * KVM_TRANSLATE2 on a live guest, bytes in and bytes out, many at once.
 *
 * @throws AbiError as the ioctl fails with EINVAL, before anything is asked of the guest
 * @internal
 */
export async function translate2(
  guest: Pick<GuestView, 'translate'>,
  requests: readonly Translate2Request[],
  scope: TranslateScope = {},
): Promise<Translate2Structure[]> {
  const received = requests.map((request) => decodeTranslate2(encodeTranslate2(request)));
  const questions = received.map(({ linearAddress, ...bits }) => ({ linearAddress, ...decodeRequestTerms(bits) }));
  const answers = await guest.translate(questions, scope);
  return answers.map(({ request, translation, bitsAreSet }, at) => {
    const answer = toTranslate2Answer(translation, request.flags, bitsAreSet);
    return decodeTranslate2(encodeTranslate2(received[at] as Translate2Structure, answer));
  });
}
