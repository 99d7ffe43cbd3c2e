import { expect } from 'chai';
import { UsageError } from '../../../../src/cli/errors.ts';
import { parseRange } from '../../../../src/cli/options/parse-range.ts';

describe('cli/parseRange', () => {
  const understood: readonly (readonly [string, bigint, bigint])[] = [
    ['0x1000-0x1fff', 0x1000n, 0x1fffn],
    ['4096+4096', 0x1000n, 0x1fffn],
    ['ffff8000`00000000-0xffff_ffff_ffff_ffff', 0xffff_8000_0000_0000n, 0xffff_ffff_ffff_ffffn],
    ['0xffff800000000000+0x800000000000', 0xffff_8000_0000_0000n, 0xffff_ffff_ffff_ffffn],
    ['7-7', 7n, 7n],
  ];
  for (const [text, first, last] of understood) {
    it(`understands ${text}`, () => {
      expect(parseRange(text, '--range', 'map')).to.deep.equal({ first, last });
    });
  }

  const refused: readonly (readonly [string, string])[] = [
    ['0x1000', '--range "0x1000" is not FIRST-LAST, nor FIRST+SIZE'],
    ['-1', '--range "-1" is not FIRST-LAST, nor FIRST+SIZE'],
    ['1-2-3', '--range "1-2-3" is not FIRST-LAST, nor FIRST+SIZE'],
    ['1-z', '--range "z" is not a number (hexadecimal with 0x in front, or decimal)'],
    ['2-1', '--range "2-1" ends before it begins'],
    ['2+0', '--range "2+0" ends before it begins'],
    ['0xffffffffffffffff+2', '--range "0xffffffffffffffff+2" does not fit 64 bits'],
  ];
  for (const [text, message] of refused) {
    it(`refuses ${text}`, () => {
      expect(() => parseRange(text, '--range', 'map'))
        .to.throw(UsageError)
        .that.includes({ message, command: 'map' });
    });
  }
});
