import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { expect } from 'chai';
import { LIMITS_OF_SERVER, type MomentLimits } from '../../../../src/cli/picture/moment-bytes.ts';
import { momentOfFile } from '../../../../src/cli/picture/saved-moment.ts';
import { packageVersion } from '../../../../src/cli/version.ts';
import { formatHex } from '../../../../src/paging/index.ts';
import { decodeMoment, decodeRanges, LAYOUT, type Pieces } from '../../../../src/picture/internal.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { quietContext } from '../../../support/fakes/quiet-context.ts';
import { Random } from '../../../support/random/random.ts';

const HEADING = {
  ...{ kind: 'map', of: 'pages', mode: '4-level', cpu: 0, first: '0x0', last: '0xffffffffffffffff' },
  ...{ filter: null, assumed: [] },
};
const ADVICE = 'pagewalk explore shows all of it.';

function pageLine(page: number, physical: number, write = true): object {
  return {
    ...{ kind: 'page', address: formatHex(page * 4096), size: 4096, physicalAddress: formatHex(physical * 4096) },
    ...{ rights: { write, user: false, exec: false }, protectionKey: null, global: false },
    ...{ accessed: page % 2 === 0, dirty: page % 3 === 0, region: { kind: 'ram', name: 'pc.ram' } },
  };
}

const random = new Random(7);
/** Pages anywhere, which compress badly. */
const SCATTERED = Array.from({ length: 3000 }, () => random.below(1_000_000));

describe('cli/momentOfFile', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  function save(name: string, heading: object, lines: readonly object[], complete = true): string {
    const path = join(folder, name);
    const all = [{ ...HEADING, ...heading }, ...lines, { kind: 'end', complete }];
    writeFileSync(path, all.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return path;
  }

  async function momentOf(file: string, limits: MomentLimits = LIMITS_OF_SERVER) {
    const { bytes, ...rest } = await momentOfFile(file, limits, quietContext(), 'explore');
    const { heading, tables, ranges } = decodeMoment(inflateSync(bytes));
    return { ...rest, length: bytes.length, told: heading, tables, pieces: decodeRanges(ranges) };
  }

  it('has all that the map says of itself, and each page', async () => {
    const cr3 = { cr3: '0x5000', changes: ['CR0.WP=0'], filter: 'w', first: '0x1000', last: '0xffff' };
    const file = save('told', { ...cr3, nested: {} }, [pageLine(2, 9), pageLine(3, 4, false)], false);
    const { told, tables, pieces, name, heading, isComplete } = await momentOf(file);
    expect(told).to.deep.equal({
      ...{ format: 1, version: packageVersion(), from: file, takenAtMs: null, pause: null, cpu: 0, mode: '4-level' },
      ...{ linearBits: 48, isUnsigned: false, space: { cr3: 0x5000n, given: false, changes: ['CR0.WP=0'] } },
      ...{ first: 0x1000n, last: 0xffffn, state: null, regions: [], names: [], assumed: [] },
      notes: [
        'The map was saved with --filter w.',
        'The vCPU ran a nested guest (L2): physical addresses are L1 physical.',
      ],
      whyNoWalks:
        'A saved map has neither registers nor tables: walks cannot be made of it. pagewalk map --html keeps them.',
      classNames: ['RAM pc.ram'],
    });
    expect([...tables]).to.deep.equal([]);
    expect({ name, of: heading.of, isComplete }).to.deep.equal({ name: file, of: 'pages', isComplete: false });
    expect(columnsOf(pieces)).to.deep.equal([
      { first: 2, pages: 1, physical: 9, layout: LAYOUT.inOnePiece, shift: 12, leaves: 1, a: 1, d: 0, classes: 1 },
      { first: 3, pages: 1, physical: 4, layout: LAYOUT.inOnePiece, shift: 12, leaves: 1, a: 0, d: 1, classes: 1 },
    ]);
    expect(pieces.complete).to.equal(false);
    expect(pieces.attributes[0]).not.to.equal(pieces.attributes[1]);
  });

  it('has ranges that lead to several places as such, with pages of several sizes, and those of 32 bits', async () => {
    const range = {
      ...{ kind: 'range', first: '0xffc00000', last: '0xffffffff', physicalFirst: '0x7000', physicalPieces: 2 },
      ...{ rights: { write: true, user: true, exec: true }, protectionKey: null, global: true },
      ...{ leaves: { 4096: 3 }, accessed: 2, dirty: 1 },
    };
    const file = save('ranges', { mode: '32-bit', of: 'ranges', last: '0xffffffff' }, [range]);
    const { told, pieces, isComplete } = await momentOf(file);
    expect(told).to.include({ linearBits: 32, isUnsigned: true, space: null });
    expect({ isComplete, complete: pieces.complete, notes: told.notes }).to.deep.equal({
      ...{ isComplete: true, complete: true, notes: [] },
    });
    expect(told.classNames).to.deep.equal([]);
    expect(columnsOf(pieces)).to.deep.equal([
      {
        ...{ first: 0xffc00, pages: 0x400, physical: 0, layout: LAYOUT.scattered, shift: 12, leaves: 3 },
        ...{ a: 2, d: 1, classes: 0 },
      },
    ]);
  });

  it('joins neighbours with the same rights where pages take too much room, and says so', async () => {
    const lines = Array.from({ length: 400 }, (_, at) => pageLine(at, SCATTERED[at] ?? 0));
    const file = save('joined', {}, lines);
    const whole = await momentOf(file);
    expect([whole.pieces.length, whole.told.notes]).to.deep.equal([400, []]);
    const just = await momentOf(file, { ...LIMITS_OF_SERVER, compressedBytes: whole.length });
    expect([just.pieces.length, just.told.notes]).to.deep.equal([400, []]);
    const less = await momentOf(file, { ...LIMITS_OF_SERVER, compressedBytes: whole.length - 1 });
    expect(less.told.notes).to.deep.equal([
      `The map takes too much room: neighbours with the same rights are shown as one. ${ADVICE}`,
    ]);
    expect(columnsOf(less.pieces)).to.deep.equal([
      {
        ...{ first: 0, pages: 400, physical: SCATTERED[0], layout: LAYOUT.scattered, shift: 12, leaves: 400 },
        ...{ a: 200, d: 134, classes: 1 },
      },
    ]);
    expect([...less.tables, less.pieces.complete]).to.deep.equal([true]);
  });

  it('has the first ranges where even these take too much, as many as there is room for, and says how many', async () => {
    // Each with a hole behind it.
    const lines = Array.from({ length: 3000 }, (_, at) => pageLine(2 * at, SCATTERED[at] ?? 0));
    const file = save('first', { filter: 'w' }, lines);
    const whole = await momentOf(file);
    const compressedBytes = Math.floor(whole.length / 2);
    const { told, pieces, tables, length } = await momentOf(file, { ...LIMITS_OF_SERVER, compressedBytes });
    expect(length)
      .to.be.at.most(compressedBytes)
      .and.at.least(compressedBytes * 0.9);
    expect(told.notes).to.deep.equal([
      'The map was saved with --filter w.',
      `The map takes too much room: the first ${pieces.length} of its ranges are here, and no more. ${ADVICE}`,
    ]);
    expect([pieces.complete, ...tables]).to.deep.equal([false]);
    expect(columnsOf(pieces).map(({ first, physical }) => [first, physical])).to.deep.equal(
      Array.from({ length: pieces.length }, (_, at) => [2 * at, SCATTERED[at]]),
    );
    const none = await momentOf(file, { ...LIMITS_OF_SERVER, compressedBytes: 1 });
    expect(none.pieces.length).to.equal(0);
  });

  it('ends where it is interrupted', async () => {
    const file = save('interrupted', {}, [pageLine(1, 1)]);
    const signal = AbortSignal.abort(new Error('enough'));
    const failure = await expectRejection(momentOfFile(file, LIMITS_OF_SERVER, quietContext({ signal }), 'explore'));
    expect(failure.message).to.equal('enough');
  });
});

function columnsOf(pieces: Pieces) {
  return Array.from({ length: pieces.length }, (_, at) => ({
    ...{ first: pieces.first[at], pages: pieces.pages[at], physical: pieces.physical[at], layout: pieces.layout[at] },
    ...{ shift: pieces.shift[at], leaves: pieces.leaves[at], a: pieces.accessed[at], d: pieces.dirty[at] },
    classes: pieces.classes[at],
  }));
}
