import { expect } from 'chai';
import { UsageError } from '../../../../src/cli/errors.ts';
import { parseCount, parseNumber } from '../../../../src/cli/options/parse-number.ts';
import { hex } from '../../../support/judge/describe-translation.ts';

describe('cli/parseNumber', () => {
  const accepted: readonly (readonly [string, string])[] = [
    ['0x0', '0x0'],
    ['0xffff800000105123', '0xffff800000105123'],
    ['0XFFFF800000105123', '0xffff800000105123'],
    ['0xffff_8000_0010_5123', '0xffff800000105123'],
    ['0xffff8000`00105123', '0xffff800000105123'],
    ['ffff8000`00105123', '0xffff800000105123'],
    ['0`00001000', '0x1000'],
    ['0xffffffffffffffff', '0xffffffffffffffff'],
    ['18446744073709551615', '0xffffffffffffffff'],
    ['4096', '0x1000'],
    ['1_048_576', '0x100000'],
    ['0010', '0xa'],
  ];
  for (const [text, value] of accepted) {
    it(`reads ${text}`, () => {
      expect(hex(parseNumber(text, 'address', 'translate'))).to.equal(value);
    });
  }

  const NOT = 'is not a number (hexadecimal with 0x in front, or decimal)';
  const refused: readonly (readonly [string, string])[] = [
    ['', `address "" ${NOT}`],
    ['0x', `address "0x" ${NOT}`],
    ['0x1__0', `address "0x1__0" ${NOT}`],
    ['0x_1', `address "0x_1" ${NOT}`],
    ['0x1_', `address "0x1_" ${NOT}`],
    ['0x12345678g', `address "0x12345678g" ${NOT}`],
    ['1e3x', `address "1e3x" ${NOT}`],
    ['start_kernel', `address "start_kernel" ${NOT}`],
    [' 1', `address " 1" ${NOT}`],
    ['0x1\n', `address "0x1\\n" ${NOT}`],
    ['1.5', `address "1.5" ${NOT}`],
    ['0b101z', `address "0b101z" ${NOT}`],
    ['ffff8000`1', `address "ffff8000\`1" ${NOT}`],
    [
      'ffff800000105123',
      'address "ffff800000105123" is not a number; hexadecimal is written with 0x in front: 0xffff800000105123',
    ],
    ['1e3', 'address "1e3" is not a number; hexadecimal is written with 0x in front: 0x1e3'],
    ['0fh', 'address "0fh" is not a number; hexadecimal is written with 0x in front: 0x0f'],
    ['0x10000000000000000', 'address "0x10000000000000000" does not fit 64 bits'],
    ['18446744073709551616', 'address "18446744073709551616" does not fit 64 bits'],
  ];
  for (const [text, message] of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => parseNumber(text, 'address', 'translate'))
        .to.throw(UsageError)
        .with.property('message', message);
    });
  }
});

describe('cli/parseCount', () => {
  const range = { least: 1, most: 100 };

  it('reads a whole number in its range', () => {
    expect(['1', '007', '100'].map((text) => parseCount(text, '--timeout', range, 'state'))).to.deep.equal([1, 7, 100]);
  });

  for (const text of ['0', '101', '', '1.0', '0x10', '1e1', '99999999999999999999']) {
    it(`refuses ${JSON.stringify(text)}, and names the range`, () => {
      expect(() => parseCount(text, '--timeout', range, 'state'))
        .to.throw(UsageError)
        .with.property('message', `--timeout ${JSON.stringify(text)} is not a whole number from 1 to 100`);
    });
  }
});
