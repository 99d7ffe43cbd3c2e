import { inflateSync } from 'node:zlib';
import { expect } from 'chai';
import { LiveMoments } from '../../../../../src/cli/commands/explore/live-moments.ts';
import { parseExplore } from '../../../../../src/cli/commands/explore/parse-explore.ts';
import { GuestView, givenSource, type OpenGuest } from '../../../../../src/guest/index.ts';
import { decodeMoment, type MomentHeading } from '../../../../../src/picture/internal.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';
import { guestOver } from '../../../../support/fakes/guest-over.ts';
import { quietContext } from '../../../../support/fakes/quiet-context.ts';

const MEMORY = new Uint8Array(0x8000);
new DataView(MEMORY.buffer).setBigUint64(0x1000, 0x1067n, true);
const REGISTERS = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n };

function viewOf(memory: Uint8Array): GuestView {
  return new GuestView(givenSource({ vcpus: [{ registers: REGISTERS, features: { maxPhyAddr: 40 } }], memory }));
}

function momentsOf(guest: OpenGuest, complaints: string[] = [], ...words: readonly string[]): LiveMoments {
  const line = parseExplore(['--qmp', 'unix:/nowhere', ...words], {});
  if (line.kind !== 'guest') throw new TypeError('a guest was asked for');
  return new LiveMoments(guest, line, quietContext({ complain: (text) => complaints.push(text) }));
}

function headingOf(bytes: Uint8Array): MomentHeading {
  return decodeMoment(inflateSync(bytes)).heading;
}

describe('cli/LiveMoments', () => {
  it('resumes the guest after each look, and says for how long that one paused it', async () => {
    const guest = guestOver(() => viewOf(MEMORY), {});
    const moments = momentsOf(guest);
    await moments.begin();
    for (const bytes of [await moments.moment(), await moments.moment(), await moments.take()]) {
      const { pause, takenAtMs } = headingOf(bytes);
      expect(pause).to.deep.equal({ kind: 'paused', atMostMs: 10 });
      expect(takenAtMs).to.be.a('number');
    }
    // The first one was there already.
    expect(guest.log).to.deep.equal(['look', 'resume', 'look', 'resume', 'look', 'resume']);
  });

  it('says that a guest was paused before, and that one that is asked live was not', async () => {
    const before = await momentsOf(guestOver(() => viewOf(MEMORY), { ranBefore: false })).take();
    expect(headingOf(before).pause).to.deep.equal({ kind: 'paused-before' });
    const guest = guestOver(() => viewOf(MEMORY), {});
    expect(headingOf(await momentsOf(guest, [], '--live').take()).pause).to.deep.equal({ kind: 'live' });
    expect(guest.log).to.deep.equal(['live']);
  });

  it('reads what does not run once, and does not know when it was taken', async () => {
    const guest = guestOver(() => viewOf(MEMORY), null);
    const moments = momentsOf(guest);
    await moments.begin();
    const [one, other] = [await moments.moment(), await moments.moment()];
    expect(other).to.equal(one);
    expect(headingOf(one)).to.deep.include({ pause: null, takenAtMs: null });
    expect(guest.log).to.deep.equal(['look']);
  });

  it('says why a look failed, and that the guest cannot be resumed after it', async () => {
    const broken = (): never => {
      throw new Error('the look failed');
    };
    const resume = (): Promise<never> => Promise.reject(new Error('the guest could not be resumed'));
    const complaints: string[] = [];
    const moments = momentsOf(guestOver(broken, { resume }), complaints);
    for (let times = 1; times <= 2; times += 1) {
      const error = await expectRejection(moments.take());
      const told = ['the look failed', 'the guest could not be resumed'];
      expect(error).to.be.instanceOf(AggregateError);
      expect((error as AggregateError).errors.map(({ message }) => message)).to.deep.equal(told);
      const text = await moments.describe(error);
      expect(text).to.match(/the look failed\. .*the guest could not be resumed\.$/);
      // The guest is paused again: this is told each time.
      expect(complaints).to.have.length(2 * times);
    }
    // Without another failure it is the one that counts.
    const other = await expectRejection(momentsOf(guestOver(() => viewOf(MEMORY), { resume })).take());
    expect(other.message).to.equal('the guest could not be resumed');
  });
});
