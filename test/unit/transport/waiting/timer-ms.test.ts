import { expect } from 'chai';
import { timerMs } from '../../../../protocols/transport/internal.ts';

describe('timerMs', () => {
  it('is what a timer of Node can wait for', () => {
    expect(timerMs(5)).to.equal(5);
    // The next one would fire after a millisecond.
    for (const ms of [2 ** 31 - 1, 2 ** 31, Number.POSITIVE_INFINITY]) expect(timerMs(ms)).to.equal(2 ** 31 - 1);
  });
});
