import { expect } from 'chai';
import { ResumptionWatch } from '../../../../src/guest/link/resumption-watch.ts';

/** What the watch makes of a pause in which these events come; `?` is the reply that tells whether the guest ran. */
function watch(events: string, ran: boolean): { wasResumed: boolean; told: number } {
  let told = 0;
  const watched = new ResumptionWatch('unix:/run/vm.qmp', () => {
    told += 1;
  });
  watched.arm();
  for (const event of events.split(' ').filter((name) => name !== '')) {
    if (event === '?') watched.expectStop(ran);
    else watched.onEvent(event);
  }
  return { wasResumed: watched.wasResumed, told };
}

describe('whether another client has resumed the guest', () => {
  const CASES: readonly (readonly [events: string, ran: boolean, wasResumed: boolean, what: string])[] = [
    ['? STOP', true, false, 'the event of our own pause after the reply'],
    ['STOP ?', true, false, 'the event of our own pause before the reply'],
    ['?', true, false, 'no event at all'],
    ['? RESUME STOP', true, false, 'an old resumption that a proxy delivers late'],
    ['RESUME ? STOP', true, false, 'an old resumption before the reply'],
    ['STOP ? RESUME', true, true, 'a resumption after our pause'],
    ['? STOP RESUME', true, true, 'a resumption after our pause, all of it late'],
    ['? RESUME', false, true, 'a resumption of a guest that had been paused'],
    ['? STOP RESUME STOP', true, true, 'a resumption and a pause: what was read is torn'],
  ];

  for (const [events, ran, wasResumed, what] of CASES) {
    it(`${what}: ${wasResumed ? 'yes' : 'no'}`, () => {
      expect(watch(events, ran)).to.deep.equal({ wasResumed, told: wasResumed ? 1 : 0 });
    });
  }

  it('does not count what we do ourselves', () => {
    const watched = new ResumptionWatch('unix:/run/vm.qmp', () => {});
    watched.onEvent('RESUME');
    watched.arm();
    watched.expectStop(true);
    watched.onEvent('STOP');
    watched.disarm();
    watched.onEvent('RESUME');
    expect(watched.problem).to.equal(undefined);
  });
});
