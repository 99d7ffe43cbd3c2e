import { expect } from 'chai';
import { withSetBits } from '../../../../src/cli/session/with-set-bits.ts';
import type { GuestTranslation } from '../../../../src/guest/index.ts';
import type { PlannedBits } from '../../../../src/paging/index.ts';

const OWN = { table: 'PT', bits: 0x20n } as unknown as PlannedBits;
const GUEST = { table: 'PD', bits: 0x20n, stage: 'guest' } as unknown as PlannedBits;
const NESTED = { table: 'PT', bits: 0x60n, stage: 'nested' } as unknown as PlannedBits;

describe('cli/withSetBits', () => {
  it('has the bits of each stage where the stage is', () => {
    const answer = { wrote: [], other: 1, nested: { wrote: [], l2: 2 } } as unknown as GuestTranslation;
    expect(withSetBits(answer, [OWN, NESTED, GUEST])).to.deep.equal({
      ...{ wrote: [OWN, GUEST], other: 1, nested: { wrote: [NESTED], l2: 2 } },
    });
  });

  it('has no second stage where there is none', () => {
    const answer = { wrote: [], nested: null } as unknown as GuestTranslation;
    expect(withSetBits(answer, [OWN])).to.deep.equal({ wrote: [OWN], nested: null });
  });
});
