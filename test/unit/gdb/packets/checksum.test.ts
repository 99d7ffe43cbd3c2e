import { expect } from 'chai';
import { checksumOf } from '../../../../protocols/gdb/packets/checksum.ts';

describe('checksumOf', () => {
  it('is the sum of all bytes modulo 256, wherever in a buffer a body lies and however long it is', () => {
    const buffer = Uint8Array.from({ length: 1400 }, (_, at) => (at * 151 + (at >> 3)) & 0xff);
    for (let start = 0; start < 5; start += 1) {
      for (const lengthBytes of [0, 1, 3, 64, 255, 256, 257, 258, 259, 260, 1023, 1390]) {
        const body = buffer.subarray(start, start + lengthBytes);
        const expected = [...body].reduce((sum, byte) => sum + byte, 0) & 0xff;
        expect(checksumOf(body), `${lengthBytes} bytes at ${start}`).to.equal(expected);
      }
    }
  });

  it('loses no carry where all bytes are 255', () => {
    const body = new Uint8Array(65_536).fill(0xff);
    expect(checksumOf(body)).to.equal((65_536 * 0xff) & 0xff);
    expect(checksumOf(body.subarray(0, 65_535))).to.equal((65_535 * 0xff) & 0xff);
  });
});
