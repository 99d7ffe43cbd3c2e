import { expect } from 'chai';
import { Axis } from '../../../../src/picture/view/axis.ts';

const whole = { first: 0, end: 2 ** 45 };
const spans = [
  { first: 0x400, end: 0x410 },
  { first: 0x420, end: 0x421 },
  { first: 2 ** 44 - 8, end: 2 ** 44 },
  { first: 2 ** 44, end: 2 ** 44 + 4_000_000 },
  { first: 2 ** 45 - 1, end: 2 ** 45 },
];

describe('picture/Axis', () => {
  it('folds large holes, and has what lies close together in one area', () => {
    const areas = Axis.folded(spans, whole, 2 ** 44).parts.filter(({ isHole }) => !isHole);
    expect(areas.map(({ first, end }) => [first, end])).to.deep.equal([
      [0x400, 0x421],
      [2 ** 44 - 8, 2 ** 44],
      [2 ** 44, 2 ** 44 + 4_000_000],
      [2 ** 45 - 1, 2 ** 45],
    ]);
  });

  it('covers everything, from the first page to the last', () => {
    for (const axis of [Axis.folded(spans, whole), Axis.linear(whole)]) {
      expect(axis.parts[0]?.first).to.equal(0);
      expect(axis.parts.at(-1)?.end).to.equal(2 ** 45);
      axis.parts.forEach((part, at) => {
        const next = axis.parts[at + 1];
        if (next !== undefined) expect([next.first, next.from]).to.deep.equal([part.end, part.to]);
      });
    }
  });

  it('leads from a page to its place and back, to a hundredth of a page', () => {
    for (const axis of [Axis.folded(spans, whole), Axis.linear(whole)]) {
      for (const { first, end } of spans) {
        for (const page of [first, Math.floor((first + end) / 2), end - 1]) {
          expect(axis.pageOf(axis.placeOf(page))).to.be.closeTo(page, 0.01);
        }
      }
    }
  });
});
