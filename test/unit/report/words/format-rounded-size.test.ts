import { expect } from 'chai';
import { formatRoundedSize } from '../../../../src/report/words/format-rounded-size.ts';

describe('report/formatRoundedSize', () => {
  const sizes: readonly (readonly [bigint, string])[] = [
    [0n, '0'],
    [1023n, '1023'],
    [1024n, '1K'],
    [1025n, '1.0K'],
    [1536n, '1.5K'],
    [1023n * 1024n, '1023K'],
    [2n ** 20n, '1M'],
    [10n * 2n ** 30n + 2n ** 28n, '10.3G'],
    [2n ** 60n, '1024P'],
  ];
  for (const [size, text] of sizes) {
    it(`writes ${size} as ${text}`, () => {
      expect(formatRoundedSize(size)).to.equal(text);
    });
  }
});
