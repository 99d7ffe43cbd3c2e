import { expect } from 'chai';
import type { GuestRunStateError } from '../../../../src/guest/errors.ts';
import { DEFAULT_MAX_PAUSE_MS, PauseDeadline } from '../../../../src/guest/link/pause-deadline.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { useWatchedTimers } from '../../../support/fakes/machine/watched-timers.ts';

const LONGEST_TIMER_MS = 2_147_483_647;
const never = (): Promise<never> => new Promise(() => {});

describe('the end of a pause', () => {
  const timers = useWatchedTimers();

  function make(maxMs: number): { deadline: PauseDeadline; reached: GuestRunStateError[] } {
    const reached: GuestRunStateError[] = [];
    return { deadline: new PauseDeadline(maxMs, 'unix:/run/vm.qmp', (error) => reached.push(error)), reached };
  }

  it('comes when it has lasted as long as it may: what is under way fails by it, and who made it is told', async () => {
    const { deadline, reached } = make(700);
    expect(deadline.maxMs).to.equal(700);
    deadline.start();
    expect(timers.waiting(700), 'keeps no process alive').to.deep.equal([false]);
    const step = expectRejection(deadline.within(never()));
    timers.fire(700);
    const error = await step;
    expect(reached).to.deep.equal([error]);
    expect(reached[0]).to.equal(error);
    expect(error).to.have.property('code', 'ERR_GUEST_PAUSE_TOO_LONG');
    expect(error.message).to.equal(
      'the guest behind unix:/run/vm.qmp was paused for 700 ms, the longest that a pause may last, and has been resumed. Ask for less at once, or allow a longer pause',
    );
    expect(await expectRejection(deadline.within(never())), 'what begins then').to.equal(error);
  });

  it('does not come to one that is over', async () => {
    const { deadline, reached } = make(700);
    deadline.start();
    deadline.stop();
    expect(timers.waiting(700)).to.deep.equal([]);
    expect(await deadline.within(Promise.resolve('done'))).to.equal('done');
    deadline.start();
    timers.fire(700);
    deadline.stop();
    expect(reached).to.have.length(1);
    expect(await deadline.within(Promise.resolve('after it')), 'nothing of it is left').to.equal('after it');
  });

  it('begins anew with each pause', async () => {
    const { deadline, reached } = make(700);
    deadline.start();
    const before = deadline.within(never());
    before.catch(() => reached.push());
    deadline.start();
    expect(timers.waiting(700)).to.have.length(1);
    const step = expectRejection(deadline.within(never()));
    timers.fire(700);
    expect(await step).to.equal(reached[0]);
    expect(reached).to.have.length(1);
  });

  it('lets pass what is done in time, and what fails by itself', async () => {
    const { deadline } = make(700);
    deadline.start();
    expect(await deadline.within(Promise.resolve(7))).to.equal(7);
    const error = new Error('of its own');
    expect(await expectRejection(deadline.within(Promise.reject(error)))).to.equal(error);
    deadline.stop();
  });

  it('is the longest that a timer can wait for, or none', async () => {
    const longest = make(LONGEST_TIMER_MS);
    longest.deadline.start();
    expect(timers.waiting(LONGEST_TIMER_MS)).to.deep.equal([false]);
    longest.deadline.stop();
    for (const ms of [LONGEST_TIMER_MS + 1, Number.POSITIVE_INFINITY]) {
      const { deadline } = make(ms);
      deadline.start();
      expect(timers.waiting(ms)).to.deep.equal([]);
      expect(await deadline.within(Promise.resolve('done'))).to.equal('done');
    }
  });

  it('bounds how long connecting may take, with a second more', () => {
    const { deadline } = make(700);
    expect(deadline.boundConnecting(5000)).to.equal(1700);
    expect(deadline.boundConnecting(1701)).to.equal(1700);
    expect(deadline.boundConnecting(1699)).to.equal(1699);
    expect(make(Number.POSITIVE_INFINITY).deadline.boundConnecting(5000)).to.equal(5000);
    expect(DEFAULT_MAX_PAUSE_MS).to.equal(5000);
  });
});
