import { expect } from 'chai';
import { PauseClock } from '../../../../src/guest/link/pause-clock.ts';

describe('for how long a guest was paused', () => {
  function startClock(): { clock: PauseClock; goTo: (ms: number) => void } {
    let now = 0;
    return {
      clock: new PauseClock(() => now),
      goTo: (ms) => {
        now = ms;
      },
    };
  }

  it('is all its pauses together, and the one under way so far', () => {
    const { clock, goTo } = startClock();
    expect(clock.totalMs).to.equal(0);
    goTo(100);
    clock.begin();
    goTo(130);
    expect(clock.totalMs, 'under way').to.equal(30);
    goTo(150);
    clock.end(true);
    goTo(1000);
    expect(clock.totalMs, 'over').to.equal(50);
    clock.begin();
    goTo(1007);
    expect(clock.totalMs, 'the second under way').to.equal(57);
    clock.end(true);
    goTo(2000);
    expect(clock.totalMs).to.equal(57);
  });

  it('begins with the first word of it, and when the caller says', () => {
    const { clock, goTo } = startClock();
    goTo(100);
    clock.begin(40);
    goTo(110);
    clock.begin();
    clock.begin(90);
    expect(clock.totalMs).to.equal(70);
  });

  it('is nothing where it had been paused before', () => {
    const { clock, goTo } = startClock();
    clock.begin();
    goTo(20);
    clock.end(false);
    expect(clock.totalMs).to.equal(0);
    clock.begin();
    goTo(50);
    clock.end(true);
    clock.end(true);
    expect(clock.totalMs).to.equal(30);
  });

  it('goes by a clock of its own unless it is given one', () => {
    const clock = new PauseClock();
    const [seconds, nanoseconds] = process.hrtime();
    clock.begin(seconds * 1000 + nanoseconds / 1e6 - 5000);
    expect(clock.totalMs).to.be.at.least(5000).and.below(65_000);
  });
});
