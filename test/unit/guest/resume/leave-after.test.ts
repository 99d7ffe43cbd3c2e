import { expect } from 'chai';
import { leaveAfter } from '../../../../src/guest/resume/leave-after.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';

describe('leaving a guest after something has failed', () => {
  const failed = new Error('it failed');

  it('tells what has failed, once the guest was left', async () => {
    let isLeft = false;
    const leave = async (): Promise<void> => {
      await Promise.resolve();
      isLeft = true;
    };
    expect(await expectRejection(leaveAfter(failed, leave))).to.equal(failed);
    expect(isLeft).to.equal(true);
  });

  it('tells of both where leaving it fails, too', async () => {
    for (const [leaving, message] of [
      [new Error('it stays paused'), 'it stays paused'],
      ['a word', 'a word'],
    ] as const) {
      const error = await expectRejection(leaveAfter(failed, () => Promise.reject(leaving)));
      expect(error).to.be.instanceOf(AggregateError);
      expect(error.message).to.equal(message);
      expect((error as AggregateError).errors).to.deep.equal([failed, leaving]);
    }
  });
});
