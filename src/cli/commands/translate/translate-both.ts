import { decisiveTranslation, type Translate2Terms, walkedAccesses } from '../../../abi/index.ts';
import type { GuestTranslation, GuestView, TranslateScope } from '../../../guest/index.ts';
import { type PlannedBits, planBits, planNestedBits } from '../../../paging/index.ts';
import { withSetBits } from '../../session/with-set-bits.ts';

/**
 * Translates for one access, or for a write that is also a fetch: both are walked then, the one that fails first counts, and its
 * bits are set.
 *
 * @throws as GuestView's `translate`.
 * @internal
 */
export async function translateBoth(
  view: GuestView,
  addresses: readonly bigint[],
  terms: Translate2Terms,
  scope: TranslateScope,
): Promise<readonly GuestTranslation[]> {
  const { access, flags } = terms;
  const accesses = walkedAccesses(access);
  if (accesses.length === 1) {
    return view.translate(
      addresses.map((linearAddress) => ({ linearAddress, access, flags })),
      scope,
    );
  }
  const requests = addresses.flatMap((linearAddress) => accesses.map((each) => ({ linearAddress, access: each })));
  const walks = await view.translate(requests, scope);
  const decisive = addresses.map((_, at) => {
    const own = walks.slice(at * accesses.length, (at + 1) * accesses.length);
    const translation = decisiveTranslation(own.map((each) => each.translation));
    return own.find((each) => each.translation === translation) as GuestTranslation;
  });
  const planned = decisive.map(({ translation, nested }) =>
    nested === null ? planBits(translation, flags) : planNestedBits(nested.translation, flags),
  );
  const wrote = flags.setAccessed ? await view.setBits(planned.flat(), scope.cpu) : [];
  return decisive.map((answer, at) => reportOf(answer, terms, planned[at] ?? [], wrote));
}

function reportOf(
  answer: GuestTranslation,
  { access, flags }: Translate2Terms,
  planned: readonly PlannedBits[],
  wrote: readonly PlannedBits[],
): GuestTranslation {
  const set = planned.filter(({ address }) => wrote.some((bits) => bits.address === address));
  return {
    ...withSetBits(answer, set),
    request: { ...answer.request, access, flags },
    bitsAreSet: set.length === planned.length,
  };
}
