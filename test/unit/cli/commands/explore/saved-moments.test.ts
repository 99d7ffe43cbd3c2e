import { writeFile } from 'node:fs/promises';
import { inflateSync } from 'node:zlib';
import { expect } from 'chai';
import { SavedMoments } from '../../../../../src/cli/commands/explore/saved-moments.ts';
import { InputFileError } from '../../../../../src/cli/errors.ts';
import {
  COLOURINGS,
  type ColouringInput,
  decodeMoment,
  decodeRanges,
  nameOfRegion,
} from '../../../../../src/picture/internal.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';
import { quietContext } from '../../../../support/fakes/quiet-context.ts';
import { useScratchDirectory } from '../../../../support/live/scratch-directory.ts';

const HEADING = { kind: 'map', of: 'ranges', mode: '4-level', first: '0x0', last: '0xffffffffffffffff', filter: null };
const RANGE = {
  kind: 'range',
  first: '0xffff800000000000',
  last: '0xffff8000003fffff',
  rights: { write: true, user: false, exec: false },
  protectionKey: null,
  global: true,
  leaves: { 2097152: 2 },
  accessed: 2,
  dirty: 0,
  physicalFirst: '0x200000',
  physicalPieces: 1,
  regions: [{ kind: 'ram', name: 'pc.ram' }],
};

const context = quietContext();

describe('cli/SavedMoments', () => {
  const scratch = useScratchDirectory();

  async function save(name: string, heading: object, ...ranges: readonly object[]): Promise<string> {
    const path = scratch(name);
    const lines = [{ ...HEADING, assumed: [], ...heading }, ...ranges, { kind: 'end', complete: true }];
    await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return path;
  }

  it('refuses maps of different things, whatever differs', async () => {
    const plain = await save('plain', {});
    for (const [what, message] of [
      [{ of: 'pages' }, /^.*other:1: is a map of pages \(--leaves\), and .*plain one of ranges$/],
      [{ filter: 'w+x' }, /:1: is a map of --filter w\+x, and .*plain one of everything$/],
      [{ first: '0x1000' }, /:1: is a map of --range 0x1000-/],
      [{ last: '0xfff' }, /:1: is a map of --range 0x0-0xfff, and /],
    ] as const) {
      const other = await save('other', what);
      const error = await expectRejection(SavedMoments.read([plain, plain, other], context));
      expect(error).to.be.instanceOf(InputFileError);
      expect(error.message).to.match(message);
    }
    expect((await SavedMoments.read([plain, plain], context)).count).to.equal(2);
  });

  it('says what a map says, and of what it does not say that it is not known', async () => {
    const told = await save('told', { cpu: 3, cr3: '0x1aa000', changes: ['CR0.WP=0'] }, RANGE);
    const moments = await SavedMoments.read([told, await save('silent', {}, RANGE)], context);
    const [one, other] = await Promise.all(
      [0, 1].map(async (at) => decodeMoment(inflateSync(await moments.moment(at)))),
    );
    expect(one?.heading).to.deep.include({
      takenAtMs: null,
      pause: null,
      cpu: 3,
      space: { cr3: 0x1aa000n, given: false, changes: ['CR0.WP=0'] },
    });
    expect(other?.heading).to.deep.include({ takenAtMs: null, pause: null, cpu: null, space: null });
  });

  it('has ranges with the colours that a live guest would have', async () => {
    const moments = await SavedMoments.read([await save('ranges', {}, RANGE)], context);
    const { heading, ranges } = decodeMoment(inflateSync(await moments.moment(0)));
    const { mode, regions, classNames } = heading;
    const pieces = decodeRanges(ranges);
    const input: ColouringInput = { pieces, context: null, mode, isNested: false, regions, classNames };
    const labels = ['rights', 'use', 'size', 'region'].map((id) => {
      const colouring = COLOURINGS.find((each) => each.id === id);
      expect(colouring?.whyNot(input)).to.equal(null);
      const { classes, of } = colouring?.colour(input) ?? { classes: [], of: [] };
      return classes[of[0] ?? -1]?.label;
    });
    expect(labels).to.deep.equal(['rw-- supervisor, writable', 'accessed (A=1)', '2M', 'RAM pc.ram']);
  });

  it('does not claim to know what lies somewhere where the file does not say so', async () => {
    const { regions: _, ...silent } = RANGE;
    const moments = await SavedMoments.read([await save('no-regions', {}, silent)], context);
    const { heading, ranges } = decodeMoment(inflateSync(await moments.moment(0)));
    const { mode, regions, classNames } = heading;
    const input = { pieces: decodeRanges(ranges), context: null, mode, isNested: false, regions, classNames };
    expect(COLOURINGS.find(({ id }) => id === 'region')?.whyNot(input)).to.match(/does not say what lies/);
  });

  it('names as many regions as a number has bits for, the last one for all the others', async () => {
    const names = Array.from({ length: 35 }, (_, at) => `device-${at}`);
    const ranges = names.map((name, at) => {
      const first = 0x10_0000n * BigInt(at);
      const [from, to] = [first, first + 0xfffn].map((address) => `0x${address.toString(16)}`);
      const place = { first: from, last: to, physicalFirst: from, leaves: { 4096: 1 }, accessed: 1 };
      return { ...RANGE, ...place, regions: [{ kind: 'device', name }] };
    });
    const moments = await SavedMoments.read([await save('devices', {}, ...ranges)], context);
    const { heading, ranges: kept } = decodeMoment(inflateSync(await moments.moment(0)));
    const named = names.map((name) => nameOfRegion({ kind: 'device', name }));
    expect(heading.classNames).to.deep.equal([...named.slice(0, 29), 'others']);
    const expected = names.map((_, at) => 1 << Math.min(at, 29));
    expect([...decodeRanges(kept).classes]).to.deep.equal(expected);
  });

  it('has moments by their numbers, takes no other, and knows no symbols', async () => {
    const file = await save('still', {}, RANGE);
    const moments = await SavedMoments.read([file, file], context);
    expect({ count: moments.count, live: moments.live, symbols: moments.symbols }).to.deep.equal({
      ...{ count: 2, live: false, symbols: null },
    });
    expect(moments.placeOf()).to.equal(null);
    for (const at of [2, -1]) {
      const error = await expectRejection(moments.moment(at));
      expect(error).to.be.instanceOf(RangeError);
      expect(error.message).to.equal(`there is no moment ${at}`);
    }
    const refused = await expectRejection(moments.take());
    expect(refused).to.be.instanceOf(RangeError);
    expect(refused.message).to.equal('a saved map stays as it was');
    const missing = new InputFileError('a.json', 3, 'is no map');
    expect(await moments.describe(missing)).to.equal('pagewalk: a.json:3: is no map');
    expect(
      await moments.describe(new AggregateError([missing, new InputFileError('b', undefined, 'is empty')])),
    ).to.equal('pagewalk: a.json:3: is no map pagewalk: b: is empty');
  });
});
