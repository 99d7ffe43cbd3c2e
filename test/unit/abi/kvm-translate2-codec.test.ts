import { expect } from 'chai';
import fc from 'fast-check';
import {
  AbiError,
  decodeTranslate2,
  encodeTranslate2,
  TRANSLATE2_BYTES,
  type Translate2Answer,
  type Translate2Request,
} from '../../../src/abi/index.ts';
import { expectErrorShape } from '../../support/expect-error-shape.ts';

const request: Translate2Request = { linearAddress: 0x1122_3344_5566_7788n, flags: 0x0007, access: 0x0003 };
const answer: Translate2Answer = {
  physicalAddress: 0x000f_edcb_a987_6543n,
  valid: true,
  errorCode: 0,
  setBitsSucceeded: true,
};

/** Field by field, as the compiler of the kernel lays the structure out: padding is in brackets. */
const requestBytes = '8877665544332211 0700 0300 [00000000] 0000000000000000 00 [00] 0000 00 [0000000000000000000000]';
const answeredBytes = '8877665544332211 0700 0300 [00000000] 436587a9cbed0f00 01 [00] 0000 01 [0000000000000000000000]';
const refusedBytes = '8877665544332211 0700 0300 [00000000] 4012000000000000 00 [00] 0500 00 [0000000000000000000000]';

const bytesOf = (picture: string): Uint8Array => Uint8Array.from(Buffer.from(picture.replace(/[[\] ]/g, ''), 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('the 40 bytes of KVM_TRANSLATE2', () => {
  it('lay out a request, with nothing where the answer goes', () => {
    expect(TRANSLATE2_BYTES).to.equal(40);
    expect(hexOf(encodeTranslate2(request))).to.equal(hexOf(bytesOf(requestBytes)));
  });

  it('lay out an answer', () => {
    expect(hexOf(encodeTranslate2(request, answer))).to.equal(hexOf(bytesOf(answeredBytes)));
    const refused = { physicalAddress: 0x1240n, valid: false, errorCode: 5, setBitsSucceeded: false };
    expect(hexOf(encodeTranslate2(request, refused))).to.equal(hexOf(bytesOf(refusedBytes)));
  });

  it('are read as they are written, also from the middle of a buffer', () => {
    expect(decodeTranslate2(bytesOf(answeredBytes))).to.deep.equal({ ...request, ...answer });
    const buffer = Uint8Array.from([0xff, 0xff, 0xff, ...bytesOf(answeredBytes), 0xff]);
    expect(decodeTranslate2(buffer.subarray(3, 43))).to.deep.equal({ ...request, ...answer });
  });

  it('are read without their padding', () => {
    const bytes = bytesOf(answeredBytes);
    for (const at of [12, 13, 14, 15, 25, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39]) bytes[at] = 0xff;
    expect(decodeTranslate2(bytes)).to.deep.equal({ ...request, ...answer });
  });

  it('take any number but zero for true', () => {
    const bytes = bytesOf(refusedBytes);
    bytes[24] = 0x80;
    bytes[28] = 0x02;
    expect(decodeTranslate2(bytes)).to.include({ valid: true, setBitsSucceeded: true });
  });

  it('come back as they went', () => {
    const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
    const u16 = fc.nat(0xffff);
    const whole = fc.record({
      linearAddress: u64,
      flags: u16,
      access: u16,
      physicalAddress: u64,
      valid: fc.boolean(),
      errorCode: u16,
      setBitsSucceeded: fc.boolean(),
    });
    fc.assert(
      fc.property(whole, (structure) => {
        expect(decodeTranslate2(encodeTranslate2(structure, structure))).to.deep.equal(structure);
      }),
    );
  });

  it('are 40 and not another number', () => {
    for (const size of [0, 24, 39, 41, 64]) {
      expect(() => decodeTranslate2(new Uint8Array(size)), `${size}`)
        .to.throw(AbiError, `${size}`)
        .with.property('code', 'ERR_ABI_SIZE');
    }
    try {
      decodeTranslate2(new Uint8Array(7));
      expect.fail('7 bytes were taken');
    } catch (error) {
      expectErrorShape(error as AbiError, 'ABI');
    }
  });

  it('do not swallow numbers that do not fit', () => {
    const encode = (change: Partial<Translate2Request & Translate2Answer>) => () =>
      encodeTranslate2({ ...request, ...change }, { ...answer, ...change });
    expect(encode({ linearAddress: 1n << 64n })).to.throw(RangeError, 'linearAddress');
    expect(encode({ linearAddress: -1n })).to.throw(RangeError, 'linearAddress');
    expect(encode({ flags: 0x1_0000 })).to.throw(RangeError, 'flags');
    expect(encode({ access: -1 })).to.throw(RangeError, 'access');
    expect(encode({ access: 1.5 })).to.throw(RangeError, 'access');
    expect(encode({ physicalAddress: 1n << 64n })).to.throw(RangeError, 'physicalAddress');
    expect(encode({ errorCode: Number.NaN })).to.throw(RangeError, 'errorCode');
  });
});
