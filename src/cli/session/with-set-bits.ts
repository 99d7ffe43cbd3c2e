import type { GuestTranslation } from '../../guest/index.ts';
import type { PlannedBits } from '../../paging/index.ts';

/** An answer with the bits that were set for it, each with the stage that it is in. @internal */
export function withSetBits(answer: GuestTranslation, set: readonly PlannedBits[]): GuestTranslation {
  const isNested = (bits: PlannedBits) => 'stage' in bits && bits.stage === 'nested';
  const { nested } = answer;
  return {
    ...answer,
    wrote: set.filter((bits) => !isNested(bits)),
    nested: nested && { ...nested, wrote: set.filter(isNested) },
  };
}
