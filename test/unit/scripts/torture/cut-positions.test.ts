import { expect } from 'chai';
import { cutPositions } from '../../../../scripts/torture/wire/cut-positions.ts';

describe('where a session is cut', () => {
  it('is at each byte, unless they are counted', () => {
    expect(cutPositions([2, 1, 3])).to.deep.equal([0, 1, 2, 3, 4, 5]);
    expect(cutPositions([2, 1, 3], 6)).to.deep.equal([0, 1, 2, 3, 4, 5]);
  });

  it('is near the ends of messages and evenly in between, as often as was asked for', () => {
    expect(cutPositions([100, 1, 100], 8)).to.deep.equal([0, 1, 50, 99, 100, 101, 150, 200]);
  });
});
