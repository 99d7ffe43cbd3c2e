import { expect } from 'chai';
import { type KeptMoments, keepMoment } from '../../../../src/picture/view/kept-moments.ts';

class Moment {
  readonly name: number;
  isResting = false;
  #sizeBytes: number;

  constructor(name: number, sizeBytes = 10) {
    this.name = name;
    this.#sizeBytes = sizeBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  rest(): void {
    this.isResting = true;
    this.#sizeBytes = Math.min(this.#sizeBytes, 5);
  }
}

function keep(count: number, limits: { readonly bytes: number; readonly moments: number }): KeptMoments<Moment> {
  let kept: KeptMoments<Moment> = { moments: [new Moment(0)], index: 0, dropped: 0 };
  for (let name = 1; name < count; name += 1) kept = keepMoment(kept, new Moment(name), limits);
  return kept;
}

const namesOf = ({ moments }: KeptMoments<Moment>): readonly number[] => moments.map(({ name }) => name);

describe('picture/keepMoment', () => {
  it('keeps the first moment and the last ones, and says how many are gone', () => {
    const few = keep(6, { bytes: 1000, moments: 4 });
    expect(namesOf(few)).to.deep.equal([0, 3, 4, 5]);
    expect(few).to.include({ index: 3, dropped: 2 });
    const small = keep(6, { bytes: 40, moments: 100 });
    expect(namesOf(small)).to.deep.equal([0, 2, 3, 4, 5]);
    expect(small).to.include({ index: 4, dropped: 1 });
    expect(namesOf(keep(6, { bytes: 1, moments: 100 }))).to.deep.equal([0, 5]);
  });

  it('lets all rest but the first one and the two that are compared last', () => {
    const { moments, dropped } = keep(5, { bytes: 1000, moments: 100 });
    expect(moments.map(({ isResting }) => isResting)).to.deep.equal([false, true, true, false, false]);
    expect(dropped).to.equal(0);
  });
});
