import { expect } from 'chai';
import { parseWatch } from '../../../../../src/cli/commands/watch/parse-watch.ts';
import {
  type LookOptions,
  type WatchedMoment,
  WatchedPlace,
} from '../../../../../src/cli/commands/watch/watched-place.ts';
import { UsageError } from '../../../../../src/cli/errors.ts';
import type { GuestView, TableSnapshot } from '../../../../../src/guest/index.ts';
import { smallGuest } from '../../../../support/builders/small-guest.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';
import { guestOver, type LoggedGuest } from '../../../../support/fakes/guest-over.ts';
import { quietContext } from '../../../../support/fakes/quiet-context.ts';

/** A view whose snapshots are otherwise than they are. */
function viewWith(change: (snapshot: TableSnapshot) => Partial<Record<keyof TableSnapshot, unknown>>): () => GuestView {
  return () => {
    const view = smallGuest();
    const take = view.snapshot.bind(view);
    const snapshot = async (...asked: Parameters<GuestView['snapshot']>): Promise<TableSnapshot> => {
      const taken = await take(...asked);
      const changes = Object.entries(change(taken)).map(([name, value]) => [name, { value }] as const);
      return Object.defineProperties(taken, Object.fromEntries(changes));
    };
    return Object.defineProperty(view, 'snapshot', { value: snapshot });
  };
}

function placeOf(guest: LoggedGuest, words = '', mostPages?: number): WatchedPlace {
  const line = parseWatch(
    ['--qmp', 'unix:/x', '--clear', '--range', '0x1000-0x4fff', ...words.split(' ').filter(Boolean)],
    {},
  );
  return new WatchedPlace(line, guest, quietContext(), mostPages);
}

const pagesOf = ({ leaves }: WatchedMoment): readonly bigint[] => leaves.map(({ address }) => address);

const SPACE = { cr3: 0x1000n, given: false, changes: [], profile: undefined };

describe('cli/WatchedPlace', () => {
  const look = (place: WatchedPlace, options?: LookOptions): Promise<WatchedMoment> =>
    place.look(async (moment) => moment, options);

  it('has the pages of the range, where they are, and whose they are', async () => {
    const guest = guestOver(smallGuest, {});
    const place = placeOf(guest, '--cpu 0');
    const moment = await look(place);
    expect(pagesOf(moment)).to.deep.equal([0x1000n, 0x2000n, 0x3000n, 0x4000n]);
    expect({ end: moment.end, lack: moment.lack, space: moment.space, scope: moment.scope }).to.deep.equal({
      ...{ end: undefined, lack: undefined, space: { ...SPACE }, scope: { cpu: 0 } },
    });
    const again = await look(place);
    // From then on it is that address space.
    expect(again.scope).to.deep.equal({ cpu: 0, cr3: 0x1000n });
    expect(again.space).to.deep.equal(moment.space);
    expect((await look(place, { isElsewhere: true })).scope).to.deep.equal({ cpu: 0 });
    expect(guest.log).to.deep.equal(['look', 'look', 'look']);
  });

  it('refuses what cannot be watched, in words', async () => {
    const refused = async (look_: () => GuestView, words?: string, most?: number): Promise<string> => {
      const error = await expectRejection(look(placeOf(guestOver(look_, {}), words, most)));
      expect(error).to.be.instanceOf(UsageError);
      return error.message;
    };
    expect(await refused(viewWith(() => ({ isPaged: false })))).to.equal(
      'paging is off on vCPU 0: no entry has an accessed bit',
    );
    expect(await refused(viewWith(() => ({ isRootReadable: false })))).to.equal(
      'the root table at 0x1000 is neither in RAM nor in ROM: nothing is known of this address space',
    );
    expect(await refused(viewWith(() => ({ isWhole: false })))).to.equal(
      'there are more page tables than are kept: watch a smaller range',
    );
    expect(await refused(viewWith(() => ({ leaves: () => ({ complete: false }) })))).to.equal(
      'page tables look corrupt (endless references): watch a smaller range',
    );
    expect(await refused(smallGuest, '', 3)).to.equal('there are more than 3 pages in the range: watch a smaller one');
    expect(await refused(smallGuest, '', 1)).to.equal('there are more than 1 pages in the range: watch a smaller one');
  });

  it('leaves it to who asks for certain pages what is lacking of others, of which it goes through sixteen times as many', async () => {
    const needs = (page: bigint): boolean => page === 0x3000n;
    const some = await look(placeOf(guestOver(smallGuest, {}), '', 1), { needs });
    expect(pagesOf(some)).to.deep.equal([0x1000n, 0x3000n]);
    expect(some.lack).to.equal(undefined);
    const many = (count: number) =>
      viewWith(() => ({
        leaves: (take: (leaf: object) => boolean) => {
          for (let at = 0; at < count; at += 1)
            if (!take({ address: BigInt(at) * 0x1000n })) return { complete: false };
          return { complete: true };
        },
      }));
    const just = await look(placeOf(guestOver(many(16), {}), '', 1), { needs });
    expect([pagesOf(just), just.lack]).to.deep.equal([[0n, 0x3000n], undefined]);
    const more = await look(placeOf(guestOver(many(17), {}), '', 1), { needs });
    expect(more.lack).to.equal('there are more than 16 pages in the range: watch a smaller one');
    const part = await look(
      placeOf(
        guestOver(
          viewWith(() => ({ isWhole: false })),
          {},
        ),
        '',
        1,
      ),
      { needs },
    );
    expect(part.lack).to.equal('there are more page tables than are kept: watch a smaller range');
  });

  it('looks again at a vCPU that runs a nested guest, which runs on in between', async () => {
    let looks = 0;
    const guest = guestOver(() => {
      looks += 1;
      return viewWith((taken) => (looks < 3 ? { nested: taken.context } : {}))();
    }, {});
    expect(pagesOf(await look(placeOf(guest)))).to.have.length(4);
    expect(guest.log).to.deep.equal(['look', 'resume', 'look', 'resume', 'look']);
  });

  it('says of a root table that has other entries that its process may have ended', async () => {
    let isOther = false;
    const other = viewWith((taken) =>
      isOther ? { tables: [[1, new Int32Array(1024).fill(3)]] } : { tables: taken.tables },
    );
    const place = placeOf(guestOver(other, {}));
    expect((await look(place)).end).to.equal(undefined);
    isOther = true;
    const { end, lack } = await look(place);
    expect(end).to.equal('the root table at 0x1000 has other entries than before: its process may have ended');
    expect(lack).to.equal(end);
    isOther = false;
    expect((await look(place)).end).to.equal(undefined);
  });
});
