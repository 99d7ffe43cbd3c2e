import { expect } from 'chai';
import matchers from '../../../../src/testing/matchers/index.ts';
import { askSmall, DATA, mapSmall, NOTHING, TEXT } from '../../../support/builders/small-guest.ts';

describe('the matchers for vitest and jest', () => {
  it('pass where what is expected is true, and then say what they would say of the opposite', async () => {
    const { pass, message } = matchers.toBeMapped(await askSmall(TEXT), { rights: 'r-x-' });
    expect(pass).to.equal(true);
    expect(message()).to.contain('not to be mapped as r-x-,\nbut it leads to');
    expect(matchers.toFault(await askSmall(NOTHING), { fault: 'NOT_PRESENT' }).pass).to.equal(true);
    expect(matchers.toBeAccessed(await askSmall(TEXT)).pass).to.equal(true);
    expect(matchers.toBeDirty(await askSmall(DATA)).pass).to.equal(true);
    expect(matchers.toHaveNoWritableExecutable(await mapSmall(TEXT, DATA)).pass).to.equal(true);
    expect(matchers.toHaveNone(await mapSmall(NOTHING, NOTHING), 'pages').pass).to.equal(true);
    expect(matchers.toHaveRights(await mapSmall(TEXT, TEXT), 'r-x-').pass).to.equal(true);
  });

  it('fail with the walk', async () => {
    const { pass, message } = matchers.toFault(await askSmall(TEXT));
    expect(pass).to.equal(false);
    expect(message()).to.match(/to fault,\nbut it leads to 0xa000[\s\S]*PT\[1\]/);
  });
});
