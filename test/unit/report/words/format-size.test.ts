import { expect } from 'chai';
import { formatSize } from '../../../../src/report/index.ts';

describe('report/formatSize', () => {
  const sizes: readonly (readonly [bigint | number, string])[] = [
    [0, '0'],
    [1, '1'],
    [1023, '1023'],
    [4096, '4K'],
    [4097, '4097'],
    [0x40_0000, '4M'],
    [1536 * 1024, '1536K'],
    [2n ** 30n, '1G'],
    [2n ** 52n, '4P'],
    [2n ** 62n, '4096P'],
  ];
  for (const [size, text] of sizes) {
    it(`writes ${size} as ${text}`, () => {
      expect(formatSize(size)).to.equal(text);
    });
  }
});
