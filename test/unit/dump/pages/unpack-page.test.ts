import { deflateSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { DumpError } from '../../../../src/dump/index.ts';
import { unpackPage } from '../../../../src/dump/pages/unpack-page.ts';

const PAGE_BYTES = 4096;

function unpack(packed: Uint8Array, packing: number): Uint8Array {
  return unpackPage(packed, packing, 'dump', 'the page at guest physical 0x1000');
}

function refusal(packed: Uint8Array, packing: number): string {
  try {
    unpack(packed, packing);
    return 'it was unpacked';
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    return error.message;
  }
}

const ZEROS = new Uint8Array(PAGE_BYTES);

/** A page of a table, packed by liblzo2 2.10, libsnappy 1.1.9 and libzstd 1.5.4; by the flag of each. */
const PACKED: readonly (readonly [name: string, packing: number, base64: string])[] = [
  [
    'lzo',
    2,
    'BwAAAAAAAAAAYzCHAYBjYN0AkN0AwLwAlAB+BCABawGAY1DdAIDdALC8AHADbwBjEAJ7AIBjQN0AcN0AoLwAcANvAGMAA3sAgGMw' +
      '3QBg3QCQvABwA24AY/C/AWMgBHsBgGNQ3QCAvABwAm4AY+C/AWMQBXsBgGNA3QBwvABwAm4AY9C/AWMABnsBgGMw3QBgvABwAm4A' +
      'Y8C+AWPw3gAgB3sCgGNQvABwAW4AY7C+AWPg3gAQCHsCgGNAvABwAW4AY6C+AWPQvABsAiAAAAAAAAAAAAAAAAAAAFkMAA0AAAAA' +
      'AAAAAAAAAAAAAAAAEQAA',
  ],
  [
    'snappy',
    4,
    'gCAAAA0BBGMwBQkIgGNgDQgAkA0IAMAJCAUGFAAAAGMgAQEHCIBjUA0IAIANCACwCQgBHQEBCGMQAgEHCIBjQA0IAHANCACgCQgB' +
      'HQEBCGMAAwEHCIBjMA0IAGANCACQCQgBHQEBBGPwCRAIYyAEAQ8IgGNQDQgAgAkIARUBAQRj4AkQCGMQBQEPCIBjQA0IAHAJCAEV' +
      'AQEEY9AJEAhjAAYBDwiAYzANCABgCQgBFQEBBGPACRAEY/ANCAQgBwEXCIBjUAkIAQ0BAQRjsAkQBGPgDQgEEAgBFwiAY0AJCAEN' +
      'AQEEY6AJEARj0AkIART+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+' +
      'AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+' +
      'AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQD+AQDuAQA=',
  ],
  [
    'zstd',
    32,
    'KLUv/WAADz0FAJLFERvAJY0Bu/7+/n///rV68/rVq1evXvC11lprraXFbD0HYtxWZCjHxJpMwYtVHQLZWA8Nyse6klngytQ5QNZ2' +
      '6AOUVWKlz6wBMiDwArk7d04PGQz2wONB6QDjcuCd8XhQOsC4HHhnPB6UDjCOme3hxiPTEcYxsz3ceGQ6wjhmtocbj0xHGMfMdrZx' +
      '+xSbwZjFTjxumuIwTmaka3lDmJ3FnEMaxiYW',
  ],
];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const HAS_ZSTD = major > 23 || (major === 23 && minor >= 8) || (major === 22 && minor >= 15);

/** What they packed. */
function tablePage(): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  for (let at = 0; at < 48; at += 1) {
    if (at % 5 !== 0) page.writeBigUInt64LE(0x8000_0000_0000_0063n | BigInt(at * 0x3000), 8 * at);
  }
  return page;
}

describe('unpacking a page', () => {
  it('takes a page as it is, and one that zlib packed', () => {
    const page = Buffer.alloc(PAGE_BYTES, 'page');
    expect(unpack(page, 0)).to.deep.equal(page);
    expect(unpack(deflateSync(page), 1)).to.deep.equal(page);
  });

  for (const [name, packing, base64] of PACKED) {
    if (name === 'zstd' && !HAS_ZSTD) continue;
    it(`unpacks what the library of ${name} has packed`, () => {
      expect(Buffer.from(unpack(Buffer.from(base64, 'base64'), packing)).equals(tablePage())).to.equal(true);
    });
  }

  it('unpacks snappy: a literal, a copy that overlaps itself, and a distance of two bytes', () => {
    const packed = Buffer.from([
      0x80,
      0x20,
      0x00,
      0x00,
      ...Array.from({ length: 64 }, () => [0xfe, 0x01, 0x00]).flat(),
    ]);
    // A literal of one byte, then 63 times 64 bytes and once 63: a page.
    packed[packed.length - 3] = 0xfa;
    expect(unpack(packed, 4)).to.deep.equal(ZEROS);
  });

  it('unpacks LZO: a first literal, a long match with its count in more bytes, and the end', () => {
    // 17 + 4 literals; a match of 31 + 2 + 15 * 255 + n bytes at distance 1; the end.
    const rest = PAGE_BYTES - 4 - 33 - 15 * 255;
    const packed = Buffer.from([21, 0, 0, 0, 0, 32, ...new Array<number>(15).fill(0), rest, 0, 0, 17, 0, 0]);
    expect(unpack(packed, 2)).to.deep.equal(ZEROS);
  });

  const LIES: Readonly<Record<string, readonly [Uint8Array, number, RegExp]>> = {
    'zlib that comes to more than a page': [deflateSync(Buffer.alloc(1 << 20)), 1, /cannot be unpacked/],
    'zlib that comes to less': [deflateSync(Buffer.alloc(100)), 1, /comes to 100 bytes/],
    'zlib that is cut off': [deflateSync(ZEROS).subarray(0, 10), 1, /cannot be unpacked/],
    'snappy with a literal of gigabytes': [Buffer.from([0x80, 0x20, 0xfc, 0xff, 0xff, 0xff, 0xff]), 4, /too soon/],
    'snappy that copies from before its beginning': [
      Buffer.from([0x80, 0x20, 0x00, 0x00, 0xfe, 0x02, 0x00]),
      4,
      /before/,
    ],
    'snappy whose length never ends': [Buffer.alloc(16, 0xff), 4, /no end/],
    'snappy that lies about its length': [Buffer.from([0x05, 0x00, 0x00]), 4, /says 5/],
    'LZO that copies from before its beginning': [Buffer.from([18, 0, 64, 1, 17, 0, 0]), 2, /before/],
    'LZO without an end': [Buffer.from([21, 0, 0, 0, 0]), 2, /too soon/],
    'LZO that comes to more than a page': [
      Buffer.from([21, 0, 0, 0, 0, 32, ...new Array<number>(17).fill(0), 9, 0, 0]),
      2,
      /more than a page/,
    ],
    'LZO with bytes behind its end': [Buffer.from([17, 0, 0, 0]), 2, /behind its end/],
  };
  for (const [name, [packed, packing, message]] of Object.entries(LIES)) {
    it(`refuses ${name}`, () => expect(refusal(packed, packing)).to.match(message));
  }

  it('says what zstd needs where Node lacks it', () => {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    const hasZstd = major > 23 || (major === 23 && minor >= 8) || (major === 22 && minor >= 15);
    expect(refusal(ZEROS, 32)).to.match(hasZstd ? /cannot be unpacked/ : /Node 22\.15/);
  });

  it('ends on any bytes, with a page or a clear error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.constantFrom(1, 2, 4, 32), (packed, packing) => {
        expect(refusal(packed, packing)).to.be.a('string');
      }),
      { numRuns: 2000 },
    );
  });
});
