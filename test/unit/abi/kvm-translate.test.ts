import { expect } from 'chai';
import { toTranslateAnswer } from '../../../src/abi/index.ts';
import { createContext, translate } from '../../../src/paging/index.ts';
import { fourLevels } from '../../support/builders/entry-map.ts';

const CONTEXT = createContext({ cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n }, { maxPhyAddr: 46 });
const answerOf = (pte: bigint) => {
  const access = { write: false, user: false, exec: false };
  return toTranslateAnswer(translate(CONTEXT, fourLevels(0x2007n, 0x3007n, 0x4007n, pte), 0x123n, access));
};

describe('the answer of KVM_TRANSLATE', () => {
  it('has where the address leads, and constants that say nothing of the page', () => {
    expect(answerOf(0x5007n)).to.deep.equal({
      physicalAddress: 0x5123n,
      valid: true,
      writeable: true,
      usermode: false,
    });
    expect(answerOf(0x5005n)).to.deep.include({ writeable: true, usermode: false });
  });

  it('is all ones where the walk failed', () => {
    expect(answerOf(0n)).to.deep.equal({
      ...{ physicalAddress: 0xffff_ffff_ffff_ffffn, valid: false, writeable: true, usermode: false },
    });
  });
});
