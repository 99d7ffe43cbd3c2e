import { expect } from 'chai';
import { fillGaps } from '../../../../src/guest/walks/fill-gaps.ts';

describe('fillGaps', () => {
  it('has the missing answers made all at once, by their places, and puts each in its own', async () => {
    const answers = [undefined, 'one', undefined, 'three', undefined];
    const asked: (readonly number[])[] = [];
    const filled = await fillGaps(answers, async (places) => {
      asked.push(places);
      return places.map((place) => `made ${place}`);
    });
    expect(filled).to.deep.equal(['made 0', 'one', 'made 2', 'three', 'made 4']);
    expect(asked).to.deep.equal([[0, 2, 4]]);
    expect(answers, 'and leaves what it was given').to.deep.equal([undefined, 'one', undefined, 'three', undefined]);
  });

  it('makes an answer of nothing but undefined: null and 0 are answers', async () => {
    const none = (places: readonly number[]) => Promise.resolve(places.map(() => 'made'));
    expect(await fillGaps<unknown>([null, 0, '', false], none)).to.deep.equal([null, 0, '', false]);
    expect(await fillGaps([], none)).to.deep.equal([]);
  });
});
