import { expect } from 'chai';
import { lookTimes } from '../../../../src/cli/picture/look-times.ts';
import type { RunningGuest } from '../../../../src/guest/index.ts';

const running = (parts: Partial<RunningGuest>): { readonly running: RunningGuest } => {
  return { running: { ranBefore: true, pausedMs: 30, ...parts } as RunningGuest };
};

describe('cli/lookTimes', () => {
  it('knows no time of what does not run', () => {
    expect(lookTimes({ running: undefined }, false, 5, 0)).to.deep.equal({ takenAtMs: null, pause: null });
    expect(lookTimes({ running: undefined }, true, 5, 0)).to.deep.equal({ takenAtMs: null, pause: null });
  });

  it('says whether a guest was asked live, was paused before, or for how long this look has paused it', () => {
    expect(lookTimes(running({}), true, 5, 0)).to.deep.equal({ takenAtMs: 5, pause: { kind: 'live' } });
    expect(lookTimes(running({ ranBefore: false }), true, 5, 0).pause).to.deep.equal({ kind: 'live' });
    expect(lookTimes(running({ ranBefore: false }), false, 6, 0)).to.deep.equal({
      takenAtMs: 6,
      pause: { kind: 'paused-before' },
    });
    expect(lookTimes(running({}), false, 7, 10)).to.deep.equal({
      takenAtMs: 7,
      pause: { kind: 'paused', atMostMs: 20 },
    });
  });
});
