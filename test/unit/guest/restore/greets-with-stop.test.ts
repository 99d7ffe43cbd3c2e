import { expect } from 'chai';
import { greetsWithStop } from '../../../../src/guest/restore/greets-with-stop.ts';

describe('a greeting with a stop reply', () => {
  it('is that of QEMU up to 8.0', () => {
    const versions = [
      [7, 2, 22],
      [7, 1, 0],
      [8, 0, 5],
      [8, 1, 0],
      [8, 2, 0],
      [9, 0, 0],
      [10, 0, 2],
    ] as const;
    expect(versions.map(greetsWithStop)).to.deep.equal([true, true, true, false, false, false, false]);
  });
});
