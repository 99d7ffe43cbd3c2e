import { inflateSync } from 'node:zlib';
import { expect } from 'chai';
import {
  factsOf,
  LIMITS_OF_FILE,
  LIMITS_OF_SERVER,
  LIMITS_OF_TWO,
  type MomentFacts,
  type MomentLimits,
  momentBytes,
} from '../../../../src/cli/picture/moment-bytes.ts';
import { packageVersion } from '../../../../src/cli/version.ts';
import { GuestView, givenSource, type TableSnapshot } from '../../../../src/guest/index.ts';
import { AreaMap } from '../../../../src/linux/internal.ts';
import { decodeMoment, decodeRanges, TableStore } from '../../../../src/picture/internal.ts';
import { smallGuest } from '../../../support/builders/small-guest.ts';

const ROOT = 0x1000n;

describe('cli/factsOf', () => {
  it('is of the whole address space, unless a part was asked for', async () => {
    const view = smallGuest();
    const snapshot = await view.snapshot();
    const areas = new AreaMap([[{ kind: 'stack', name: null, first: 0n, last: 0xfffn }]]);
    const times = { takenAtMs: 7, pause: null };
    const space = { cr3: ROOT, given: false, changes: [] };
    const look = { endpoint: 'unix:/vm', snapshot, range: {}, assumed: [], areas: null, times, space };
    expect(factsOf(look)).to.deep.equal({
      ...{ from: 'unix:/vm', first: 0n, last: 0xffff_ffff_ffff_ffffn, takenAtMs: 7, pause: null, space },
      ...{ assumed: [], notes: [], names: [] },
    });
    const part = factsOf({ ...look, range: { first: 5n, last: 6n }, areas });
    expect(part).to.deep.include({ first: 5n, last: 6n, names: [{ first: 0n, last: 0xfffn, text: '[stack]' }] });
  });
});

describe('cli/momentBytes', () => {
  const facts: MomentFacts = {
    ...{ from: 'unix:/vm', takenAtMs: 5, pause: { kind: 'live' }, space: { cr3: ROOT, given: true, changes: [] } },
    ...{ first: 0n, last: 0xffff_ffff_ffff_ffffn, assumed: [], notes: ['a note'], names: [] },
  };

  const momentOf = (snapshot: TableSnapshot, limits: Partial<MomentLimits> = {}, more: Partial<MomentFacts> = {}) => {
    const bytes = momentBytes(snapshot, { ...facts, ...more }, { ...LIMITS_OF_FILE, ...limits });
    const { heading, tables, ranges } = decodeMoment(inflateSync(bytes));
    return { heading, tables, ranges, length: bytes.length };
  };

  const TOO_MUCH =
    'The page tables of this address space take too much room: pages are shown as ranges, and walks cannot be made here. ';

  it('has the tables, all facts, and the vCPU', async () => {
    const snapshot = await smallGuest().snapshot();
    const { heading, tables, ranges } = momentOf(snapshot);
    const { state, regions, ...rest } = heading;
    expect(rest).to.deep.equal({
      ...{ format: 1, version: packageVersion(), ...facts, cpu: 0, mode: '4-level', linearBits: 48, isUnsigned: false },
      ...{ whyNoWalks: null, classNames: rest.classNames },
    });
    expect(state).to.have.nested.property('cr3.value', ROOT);
    expect(regions).to.deep.equal(snapshot.memoryMap.regions.map((region) => ({ ...region })));
    expect([...ranges]).to.deep.equal([]);
    const kept = new Map(snapshot.tables);
    const store = new TableStore(tables);
    for (const [page, words] of kept) expect(store.words(page), String(page)).to.deep.equal(words);
  });

  it('has ranges instead where tables take too much, before or after they are compressed, and says what else can be done', async () => {
    const snapshot = await smallGuest().snapshot();
    const whole = momentOf(snapshot);
    const bytes = whole.tables.length;
    expect(momentOf(snapshot, { tableBytes: bytes, compressedBytes: whole.length }).heading.whyNoWalks).to.equal(null);
    for (const limits of [{ tableBytes: bytes - 1 }, { compressedBytes: whole.length - 1 }]) {
      const { heading, tables, ranges } = momentOf(snapshot, { ...limits, advice: 'Do this.' });
      expect(heading.whyNoWalks).to.equal(`${TOO_MUCH}Do this.`);
      expect([...tables]).to.deep.equal([]);
      const pieces = decodeRanges(ranges);
      expect({ first: [...pieces.first], pages: [...pieces.pages], complete: pieces.complete }).to.deep.equal({
        ...{ first: [1, 2, 3, 4], pages: [1, 1, 1, 1], complete: true },
      });
      expect([...pieces.physical]).to.deep.equal([0xa, 0xb, 0xc, 0xd]);
    }
  });

  it('has no more ranges than it is told, in the part that was asked for', async () => {
    const snapshot = await smallGuest().snapshot();
    const piecesOf = (limits: Partial<MomentLimits>, more: Partial<MomentFacts> = {}) => {
      const { first, complete } = decodeRanges(momentOf(snapshot, { tableBytes: 0, ...limits }, more).ranges);
      return { first: [...first], complete };
    };
    expect(piecesOf({ ranges: 3 })).to.deep.equal({ first: [1, 2, 3], complete: false });
    expect(piecesOf({ ranges: 1 })).to.deep.equal({ first: [1], complete: false });
    expect(piecesOf({ ranges: 5 })).to.deep.equal({ first: [1, 2, 3, 4], complete: true });
    expect(piecesOf({ compressedBytes: 3 })).to.deep.equal({ first: [1, 2], complete: false });
    expect(piecesOf({}, { first: 0x2000n, last: 0x3fffn })).to.deep.equal({ first: [2, 3], complete: true });
  });

  it('has ranges of a vCPU without paging, and makes walks of it', async () => {
    const registers = { cr0: 0x11n, cr3: 0n, cr4: 0n, efer: 0n, a20: true };
    const view = new GuestView(givenSource({ vcpus: [{ registers }], memory: new Uint8Array(0x3000) }));
    const { heading, tables, ranges } = momentOf(await view.snapshot(), {}, { last: 0xffff_ffffn });
    expect(heading).to.deep.include({ mode: 'off', linearBits: 32, isUnsigned: true, whyNoWalks: null });
    expect([...tables]).to.deep.equal([]);
    expect(heading.classNames).to.have.length.of.at.least(1);
    const { first, pages, complete } = decodeRanges(ranges);
    expect({ first: [...first], pages: [...pages], complete }).to.deep.equal({
      first: [0],
      pages: [3],
      complete: true,
    });
  });

  it('has room as a page, two in a page, and a browser of this host have it', () => {
    expect([LIMITS_OF_FILE, LIMITS_OF_TWO, LIMITS_OF_SERVER].map(({ advice: _, ...limits }) => limits)).to.deep.equal([
      { tableBytes: 25_165_824, compressedBytes: 3_400_000, ranges: 1_000_000 },
      { tableBytes: 12_582_912, compressedBytes: 1_600_000, ranges: 1_000_000 },
      { tableBytes: 167_772_160, compressedBytes: 167_772_160, ranges: 1_000_000 },
    ]);
  });
});
