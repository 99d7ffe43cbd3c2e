import type { PlannedBits } from '../../paging/index.ts';
import type { Space } from './space.ts';
import { writePlanned } from './write-planned.ts';

/** An entry that changes between walk and write-back is walked again, as KVM does; not for ever, against a guest gone wild. */
const MAX_WALKS = 3;

/** What became of a request: its translation, and the bits that were to be set for it. @internal */
export interface Written<Request, Translation, Planned> {
  readonly request: Request;
  readonly translation: Translation;
  readonly wrote: readonly Planned[];
  /** All that was planned is set in guest memory. */
  readonly bitsAreSet: boolean;
}

/** How to translate, and what to set. @internal */
export interface WalkAndPlan<Request, Translation, Planned> {
  walk(requests: readonly Request[]): Promise<readonly Translation[]>;
  plan(translation: Translation, request: Request): readonly Planned[];
}

/**
 * Sets the bits that translations ask for, all in the same flights, and walks again where an entry is no more what the walk saw.
 *
 * @param seen - the translations of the requests, from a walk that has just been made
 * @returns one for each request, in order
 * @throws GuestUsageError `ERR_GUEST_USAGE` when bits are to be set where nothing may be written.
 * @internal
 */
export async function walkAndWrite<Request, Translation, Planned extends PlannedBits>(
  requests: readonly Request[],
  seen: readonly Translation[],
  { walk, plan }: WalkAndPlan<Request, Translation, Planned>,
  space: Space,
): Promise<readonly Written<Request, Translation, Planned>[]> {
  const written: Written<Request, Translation, Planned>[] = [];
  let open = requests.map((request, at) => ({ request, at }));
  for (let round = 1; open.length > 0; round += 1) {
    const translations = round === 1 ? seen : await walk(open.map(({ request }) => request));
    const planned = open.map((each, position) => ({
      ...each,
      translation: translations[position] as Translation,
      bits: plan(translations[position] as Translation, each.request),
    }));
    const outcomes = await writePlanned(
      planned.flatMap(({ bits }) => bits),
      space,
    );
    open = planned.filter(({ request, at, translation, bits }) => {
      if (round < MAX_WALKS && bits.some(({ address }) => outcomes.get(address) === 'changed')) return true;
      const wrote = bits.filter(({ address }) => outcomes.get(address) === 'written');
      written[at] = { request, translation, wrote, bitsAreSet: wrote.length === bits.length };
      return false;
    });
  }
  return written;
}
