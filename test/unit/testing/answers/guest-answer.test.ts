import { expect } from 'chai';
import type { GuestView, TranslateScope } from '../../../../src/guest/index.ts';
import { askAddress } from '../../../../src/testing/answers/guest-answer.ts';

/** A process with page-table isolation: another root for each half. */
function isolated(): GuestView {
  return {
    translate: async () => [{}],
    scopedState: async (_: TranslateScope, half: 'user' | 'kernel') => ({
      cr3: { value: half === 'user' ? 0x3000n : 0x2000n },
    }),
  } as unknown as GuestView;
}

describe('an answer of a guest', () => {
  it('names the root that was walked: of a process, the one of the access, which was given', async () => {
    const ask = async (user: boolean) => (await askAddress(isolated(), 0n, { user }, { process: 1 })).space;
    expect(await ask(true)).to.deep.equal({ cr3: 0x3000n, given: true });
    expect(await ask(false)).to.deep.equal({ cr3: 0x2000n, given: true });
    expect((await askAddress(isolated(), 0n, {}, {})).space.given).to.equal(false);
  });
});
