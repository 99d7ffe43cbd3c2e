import { expect } from 'chai';
import { type LinearRange, pagesOfRange } from '../../../src/guest/linear-range.ts';
import { createContext, type PagingContext } from '../../../src/paging/index.ts';
import { machineIn } from '../../support/reference/reference-machine.ts';

function contextIn(mode: '32-bit' | '4-level' | '5-level'): PagingContext {
  const { registers, processor } = machineIn(mode);
  return createContext(registers, processor);
}

describe('guest/pagesOfRange', () => {
  const long = contextIn('4-level');
  const legacy = contextIn('32-bit');
  const half = 2 ** 35;
  const all = 0xffff_ffff_ffff_ffffn;
  const cases: readonly [string, PagingContext, LinearRange, number, number][] = [
    ['everything', long, {}, 0, 2 * half - 1],
    ['everything of 57 bits', contextIn('5-level'), {}, 0, 2 ** 45 - 1],
    ['everything of 32 bits', legacy, {}, 0, 2 ** 20 - 1],
    ['a page', long, { first: 0x1fffn, last: 0x2000n }, 1, 2],
    ['the upper half', long, { first: 0xffff_8000_0000_0000n, last: all }, half, 2 * half - 1],
    ['from within the hole', long, { first: 0x8000_0000_0000n }, half, 2 * half - 1],
    ['up into the hole', long, { last: 0xffff_0000_0000_0000n }, 0, half - 1],
    ['the hole alone', long, { first: 0x8000_0000_0000n, last: 0xffff_7fff_ffff_ffffn }, 1, 0],
    ['beyond 32 bits', legacy, { first: 0x1_0000_0000n }, 1, 0],
    [
      'the last address before the hole',
      long,
      { first: 0x7fff_ffff_ffffn, last: 0x8000_0000_0000n },
      half - 1,
      half - 1,
    ],
    ['the last address of the hole', long, { first: 0xffff_7fff_ffff_ffffn }, half, 2 * half - 1],
    [
      'the first address behind the hole',
      long,
      { first: 0xffff_8000_0000_0000n, last: 0xffff_8000_0000_0fffn },
      half,
      half,
    ],
    ['the second page behind the hole', long, { first: 0xffff_8000_0000_1000n }, half + 1, 2 * half - 1],
    ['up to the first address behind the hole', long, { last: 0xffff_8000_0000_0000n }, 0, half],
    ['up to the last address of the hole', long, { last: 0xffff_7fff_ffff_ffffn }, 0, half - 1],
    ['up to the first address of the hole', long, { last: 0x8000_0000_0000n }, 0, half - 1],
    ['up to the last address before it', long, { first: 0x1000n, last: 0x7fff_ffff_ffffn }, 1, half - 1],
    ['over the hole', long, { first: 0x7fff_ffff_f000n, last: 0xffff_8000_0000_0fffn }, half - 1, half],
    ['the last page', long, { first: all }, 2 * half - 1, 2 * half - 1],
    ['the hole of 57 bits', contextIn('5-level'), { first: 1n << 56n, last: 0xfeff_ffff_ffff_ffffn }, 1, 0],
    ['what is no hole with 57 bits', contextIn('5-level'), { first: 1n << 47n, last: 1n << 47n }, half, half],
    ['the last page of 32 bits', legacy, { first: 0xffff_f000n, last: 0x1_0000_0000n }, 2 ** 20 - 1, 2 ** 20 - 1],
    ['a page of 32 bits', legacy, { first: 0x1000n, last: 0x1000n }, 1, 1],
    ['a single address', long, { first: 5n, last: 5n }, 0, 0],
    ['a range that ends before it begins', long, { first: 2n, last: 1n }, 1, 0],
  ];
  for (const [name, context, range, firstPage, lastPage] of cases) {
    it(`knows ${name}`, () => {
      expect(pagesOfRange(context, range)).to.deep.equal({ firstPage, lastPage });
    });
  }
});
