import { expect } from 'chai';
import fc from 'fast-check';
import { PictureError } from '../../../../src/picture/errors.ts';
import { encodeTables } from '../../../../src/picture/tables/encode-tables.ts';
import { TableStore } from '../../../../src/picture/tables/table-store.ts';

type Table = readonly [page: number, words: Int32Array];

/** Entries as kernels make them: runs that go up evenly, single ones, holes; with A and D as they fall. */
const arbitraryWords = fc
  .array(
    fc.record({
      count: fc.integer({ min: 1, max: 200 }),
      low: fc.integer(),
      high: fc.integer(),
      step: fc.constantFrom(0, 4096, 0x20_0000, -4096, 12345),
      uses: fc.array(fc.constantFrom(0, 0x20, 0x40, 0x60), { minLength: 1, maxLength: 7 }),
      isHole: fc.boolean(),
    }),
    { maxLength: 12 },
  )
  .map((runs) => {
    const words = new Int32Array(1024);
    let at = 0;
    for (const { count, low, high, step, uses, isHole } of runs) {
      for (let nth = 0; nth < count && at < 512; nth += 1, at += 1) {
        if (isHole) continue;
        words[2 * at] = ((low & ~0x60) + nth * step) | (uses[nth % uses.length] ?? 0);
        words[2 * at + 1] = high;
      }
    }
    return words;
  });

const arbitraryTables = fc
  .uniqueArray(fc.integer({ min: 0, max: 2 ** 40 - 1 }), { maxLength: 6 })
  .chain((pages) =>
    fc.tuple(
      ...pages.sort((one, other) => one - other).map((page) => arbitraryWords.map((words): Table => [page, words])),
    ),
  );

function encode(tables: readonly Table[]): Uint8Array {
  const bytes = encodeTables(tables);
  if (bytes === null) throw new Error('there is no limit here');
  return bytes;
}

describe('picture/TableStore', () => {
  it('has every word of the tables that were encoded, and nothing of other pages', () => {
    fc.assert(
      fc.property(arbitraryTables, (tables) => {
        const store = new TableStore(encode(tables));
        expect(store.size).to.equal(tables.length);
        for (const [page, words] of tables) {
          expect(store.words(page)).to.deep.equal(words);
          if (!tables.some(([other]) => other === page + 1)) expect(store.words(page + 1)).to.equal(null);
        }
      }),
    );
  });

  it('keeps words of any bits', () => {
    const words = Int32Array.from({ length: 1024 }, (_, at) => Math.imul(at + 1, 0x9e37_79b1));
    expect(new TableStore(encode([[7, words]])).words(7)).to.deep.equal(words);
  });

  it('takes few bytes for a table of neighbours, and says when there are too many for a limit', () => {
    const neighbours = new Int32Array(1024);
    for (let at = 0; at < 512; at += 1) neighbours[2 * at] = (at << 12) | 0x63;
    const tables = Array.from({ length: 1000 }, (_, page): Table => [page, neighbours]);
    expect(encode(tables).length).to.be.below(16_000);
    expect(encodeTables(tables, 1000)).to.equal(null);
  });

  it('refuses tables that were cut off, wherever that is, and nothing else happens', () => {
    const words = Int32Array.from({ length: 1024 }, (_, at) => Math.imul(at, 0x9e37_79b1));
    const bytes = encode([
      [3, words],
      [9, words],
    ]);
    for (let length = 1; length < bytes.length; length += 97) {
      expect(() => {
        const store = new TableStore(bytes.subarray(0, length));
        if (store.words(9) === null) throw new PictureError('the second table is missing');
      }).to.throw(PictureError);
    }
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        try {
          const store = new TableStore(bytes);
          for (let page = 0; page < 300; page += 1) store.words(page);
        } catch (error) {
          expect(error).to.be.instanceOf(PictureError);
        }
      }),
    );
  });
});
