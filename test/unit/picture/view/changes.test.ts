import { expect } from 'chai';
import { createContext } from '../../../../src/paging/index.ts';
import { type Detail, LAYOUT, type Pieces } from '../../../../src/picture/pieces/pieces.ts';
import { PiecesBuilder } from '../../../../src/picture/pieces/pieces-builder.ts';
import { findChanges } from '../../../../src/picture/view/changes.ts';

const registers = { cr0: 0x80010011n, cr3: 0n, cr4: 0x20n, efer: 0xd00n, rflags: 2n, cpl: 0 };
const context = createContext(registers, { maxPhyAddr: 40 });
const WRITE = 2;

interface Drawn {
  readonly first: number;
  readonly pages: number;
  readonly physical: number;
  readonly layout?: number;
  readonly accessed?: number;
}

function piecesOf(drawn: readonly Drawn[], detail: Detail = 'pages', complete = true): Pieces {
  const builder = new PiecesBuilder();
  for (const { first, pages, physical, layout = LAYOUT.inOnePiece, accessed = 0 } of drawn) {
    const more = { attributes: WRITE, shift: 12, leaves: pages, accessed, dirty: 0, classes: 0 };
    builder.add({ first, pages, physical, layout, ...more });
  }
  return builder.build(detail, complete);
}

/** Each change with its pages. */
async function changesOf(before: Pieces, after: Pieces, where: readonly (readonly [number, number])[] | null = null) {
  const ranges = where?.map(([firstPage, lastPage]) => ({ firstPage, lastPage })) ?? null;
  const { all, complete } = await findChanges({ before, after, context, where: ranges });
  const told = all.map(({ first, last, differences }) => [
    Number(first >> 12n),
    Number((last + 1n) >> 12n),
    ...differences,
  ]);
  return { told, complete };
}

describe('changes in a picture', () => {
  it('are where a page that was repeated is not any more', async () => {
    const before = piecesOf([{ first: 16, pages: 4, physical: 5, layout: LAYOUT.repeated }]);
    const after = piecesOf([{ first: 16, pages: 4, physical: 5 }]);
    const { told, complete } = await changesOf(before, after);
    expect(told.map(([first]) => first)).to.deep.equal([17, 18, 19]);
    for (const [, , ...differences] of told) expect(differences).to.deep.equal(['moved']);
    expect(complete).to.equal(true);
  });

  it('are none where the same repeated page is cut otherwise', async () => {
    const repeated = (first: number, pages: number): Drawn => ({ first, pages, physical: 5, layout: LAYOUT.repeated });
    const { told } = await changesOf(piecesOf([repeated(16, 8)]), piecesOf([repeated(16, 3), repeated(19, 5)]));
    expect(told).to.deep.equal([]);
    const part = await changesOf(piecesOf([repeated(16, 8)]), piecesOf([repeated(16, 8)]), [[18, 20]]);
    expect(part.told).to.deep.equal([]);
  });

  it('are no sizes and no bits of pages where one side knows only ranges', async () => {
    const before = piecesOf([{ first: 16, pages: 4, physical: 5, accessed: 4 }]);
    const after = piecesOf([{ first: 16, pages: 4, physical: 5, accessed: 4 }], 'ranges');
    expect((await changesOf(before, after)).told).to.deep.equal([]);
  });

  it('are not all there are where one of the moments is incomplete', async () => {
    const drawn = [{ first: 16, pages: 4, physical: 5 }];
    expect((await changesOf(piecesOf(drawn, 'pages', false), piecesOf(drawn))).complete).to.equal(false);
    expect((await changesOf(piecesOf(drawn), piecesOf(drawn, 'pages', false))).complete).to.equal(false);
  });

  it('are nothing that lies behind what is known of an incomplete moment', async () => {
    const both = [{ first: 16, pages: 4, physical: 5 }];
    const more = [...both, { first: 32, pages: 4, physical: 50 }];
    const [cut, whole] = [piecesOf(both, 'pages', false), piecesOf(more)];
    expect((await changesOf(cut, whole)).told).to.deep.equal([]);
    expect((await changesOf(whole, cut)).told).to.deep.equal([]);
    expect((await changesOf(piecesOf(both), whole)).told).to.deep.equal([[32, 36, 'appeared']]);
  });
});
