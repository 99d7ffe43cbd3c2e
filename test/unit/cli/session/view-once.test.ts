import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { viewOnce } from '../../../../src/cli/session/with-guest.ts';
import { GuestRunStateError, GuestView, givenSource, type OpenGuest, StillGuest } from '../../../../src/guest/index.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';

const RESUMED = new GuestRunStateError('ERR_GUEST_RESUMED', 'another client resumed the guest');
const PAUSED = { live: false };

/** A guest that another client resumes in these pauses, counted from 1. */
function guestResumedIn(pauses: readonly number[]): OpenGuest & { readonly log: string[] } {
  const log: string[] = [];
  const view = new GuestView(givenSource({ vcpus: [], memory: new Uint8Array() }));
  const count = (): number => log.filter((what) => what === 'pause').length;
  return {
    log,
    endpoint: 'nowhere',
    vcpus: [],
    assumed: [],
    look: async () => {
      log.push('pause');
      return view;
    },
    requireCpu() {},
    detach: () => Promise.resolve(),
    running: {
      ranBefore: true,
      pausedMs: 0,
      recoveries: [],
      live: () => view,
      resume: async () => {
        log.push('resume');
        await nextTurn();
        log.push('resumed');
      },
      flushTranslations: async () => true,
      findResumption: async () => (pauses.includes(count()) ? RESUMED : undefined),
    },
  };
}

/** What the stub of a guest that runs makes of a question. */
const confused = async (): Promise<never> => {
  throw new Error('E22');
};

describe('cli/viewOnce', () => {
  it('a question that fails because another client resumes the guest is asked once more', async () => {
    const guest = guestResumedIn([1]);
    const answer = await viewOnce(guest, PAUSED, async () => {
      if (guest.log.length === 1) throw new Error('E22');
      return 'answer';
    });
    expect([answer, ...guest.log]).to.deep.equal(['answer', 'pause', 'resume', 'resumed', 'pause']);
  });

  it('the reason is the other client, in the last pause as in the first', async () => {
    expect(await expectRejection(viewOnce(guestResumedIn([1, 2]), PAUSED, confused))).to.equal(RESUMED);
    const once = guestResumedIn([1]);
    expect(await expectRejection(viewOnce(once, PAUSED, confused, () => false))).to.equal(RESUMED);
    expect(once.log).to.deep.equal(['pause']);
  });

  it('a pause that was too long is not made again', async () => {
    const guest = guestResumedIn([1]);
    const late = new GuestRunStateError('ERR_GUEST_PAUSE_TOO_LONG', 'the pause was too long');
    const running = { ...guest.running, findResumption: async () => late } as OpenGuest['running'];
    expect(await expectRejection(viewOnce({ ...guest, running }, PAUSED, confused))).to.equal(late);
    expect(guest.log).to.deep.equal(['pause']);
  });

  it('a guest that does not run has nothing to be resumed, and its failures are its own', async () => {
    const still = new StillGuest(givenSource({ vcpus: [], memory: new Uint8Array() }), 'memory.raw');
    expect(await viewOnce(still, PAUSED, async (view) => view === (await still.look()))).to.equal(true);
    expect(await expectRejection(viewOnce(still, PAUSED, confused))).to.have.property('message', 'E22');
  });

  it('any other failure is told as it is', async () => {
    expect(await expectRejection(viewOnce(guestResumedIn([]), PAUSED, confused))).to.have.property('message', 'E22');
    expect(await expectRejection(viewOnce(guestResumedIn([1]), PAUSED, confused))).to.have.property('message', 'E22');
  });
});
