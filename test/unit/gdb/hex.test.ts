import { expect } from 'chai';
import { decodeHex, decodeHexInto } from '../../../protocols/gdb/hex.ts';

const SHORT_BYTES = 100;
const LONG_BYTES = 3000;

function digitsOf(bytes: Uint8Array): Uint8Array {
  return new TextEncoder().encode(Buffer.from(bytes).toString('hex'));
}

/** In the middle of another buffer, as replies come. */
function within(bytes: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(bytes.length + 7).fill(0x7a);
  buffer.set(bytes, 3);
  return buffer.subarray(3, 3 + bytes.length);
}

describe('decodeHexInto', () => {
  for (const lengthBytes of [SHORT_BYTES, LONG_BYTES]) {
    const bytes = Uint8Array.from({ length: lengthBytes }, (_, at) => (at * 37) & 0xff);

    it(`decodes ${lengthBytes} bytes to their place, in either case, and touches nothing beside it`, () => {
      const target = within(new Uint8Array(lengthBytes + 4).fill(0xee));
      const digits = digitsOf(bytes).map((code, at) => (at % 3 === 0 && code > 0x60 ? code - 0x20 : code));
      expect(decodeHexInto(within(digits), target, 2)).to.equal(true);
      expect([...target]).to.deep.equal([0xee, 0xee, ...bytes, 0xee, 0xee]);
    });

    it(`refuses ${lengthBytes} bytes with anything else among the digits, at the first, the middle and the last place`, () => {
      for (const place of [0, lengthBytes, lengthBytes + 1, 2 * lengthBytes - 1]) {
        for (const code of [0x67, 0x20, 0x2f, 0x3a, 0x40, 0x60, 0x00, 0x8a, 0xff]) {
          const digits = digitsOf(bytes);
          digits[place] = code;
          expect(decodeHex(digits), `${code} at ${place}`).to.equal(undefined);
        }
      }
    });

    it(`refuses ${lengthBytes} bytes and half of one more`, () => {
      expect(decodeHex(Uint8Array.of(...digitsOf(bytes), 0x30))).to.equal(undefined);
    });
  }
});
