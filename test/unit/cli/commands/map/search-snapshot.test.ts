import { expect } from 'chai';
import { searchSnapshot } from '../../../../../src/cli/commands/map/search-snapshot.ts';
import type { TableSnapshot } from '../../../../../src/guest/index.ts';
import type { Alias } from '../../../../../src/paging/index.ts';
import { smallGuest } from '../../../../support/builders/small-guest.ts';

const EVERYTHING = { first: 0xa000n, last: 0xdfffn };

describe('cli/searchSnapshot', () => {
  let snapshot: TableSnapshot;
  before(async () => {
    snapshot = await smallGuest().snapshot();
  });

  /** A snapshot whose searches find so many, and which is otherwise as `parts` say. */
  function finds(count: number, complete: boolean, parts: Partial<TableSnapshot> = {}) {
    const asked: unknown[] = [];
    const search =
      (which: string) =>
      (physical: object, take: (alias: Alias) => boolean, range: object): { complete: boolean } => {
        asked.push({ which, physical, range });
        for (let at = 0; at < count; at += 1) if (!take({ first: BigInt(at) } as Alias)) return { complete: false };
        return { complete };
      };
    const { context, nested } = snapshot;
    const fake = {
      ...{ context, nested, isRootReadable: true, isWhole: true },
      ...{ aliases: search('l1'), l2Aliases: search('l2'), ...parts },
    } as unknown as TableSnapshot;
    return { fake, asked };
  }

  it('finds each address that leads there, in the part that is asked about', () => {
    const { aliases, incomplete } = searchSnapshot(snapshot, { physical: EVERYTHING, range: {}, limit: 10 });
    expect(aliases.map(({ first }) => first)).to.deep.equal([0x1000n, 0x2000n, 0x3000n, 0x4000n]);
    expect(incomplete).to.equal(null);
    const range = { first: 0x2000n, last: 0x3fffn };
    const part = searchSnapshot(snapshot, { physical: EVERYTHING, range, limit: 10 });
    expect(part.aliases.map(({ first }) => first)).to.deep.equal([0x2000n, 0x3000n]);
  });

  it('looks in the tables of the nested guest alone where that is asked for', () => {
    const range = { first: 1n, last: 2n };
    for (const [l2, which] of [
      [true, 'l2'],
      [false, 'l1'],
      [undefined, 'l1'],
    ] as const) {
      const { fake, asked } = finds(1, true);
      searchSnapshot(fake, { physical: EVERYTHING, range, limit: 10, ...(l2 === undefined ? {} : { l2 }) });
      expect(asked).to.deep.equal([{ which, physical: EVERYTHING, range }]);
    }
  });

  it('says why not everything was looked through', () => {
    const told = (count: number, limit: number, complete: boolean, parts: Partial<TableSnapshot> = {}) => {
      const { aliases, incomplete } = searchSnapshot(finds(count, complete, parts).fake, {
        physical: EVERYTHING,
        range: {},
        limit,
      });
      return [aliases.length, incomplete];
    };
    expect(told(3, 4, true)).to.deep.equal([3, null]);
    expect(told(4, 4, true)).to.deep.equal([4, 'stopped after 4 places: look in a part with --range']);
    expect(told(9, 4, true)).to.deep.equal([4, 'stopped after 4 places: look in a part with --range']);
    expect(told(3, 4, false)).to.deep.equal([
      3,
      'stopped after 3 places: page tables look corrupt (endless references). Look in a part with --range',
    ]);
    expect(told(3, 4, false, { isWhole: false })).to.deep.equal([
      3,
      'there are more page tables than are kept: look in a part with --range',
    ]);
    expect(told(3, 4, true, { isWhole: false })).to.deep.equal([3, null]);
    expect(told(0, 4, true, { isRootReadable: false })).to.deep.equal([
      0,
      'the root table at 0x1000 is neither in RAM nor in ROM: nothing is known of this address space',
    ]);
  });
});
