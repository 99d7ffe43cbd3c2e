import { expect } from 'chai';
import fc from 'fast-check';
import {
  AbiError,
  decodeHvTranslateInput,
  decodeHvTranslateOutput,
  decodeHvTranslateOutputEx,
  encodeHvTranslateInput,
  encodeHvTranslateOutput,
  encodeHvTranslateOutputEx,
  HV_CALL,
  type HvTranslateInput,
  type HvTranslateOutput,
} from '../../../../src/abi/index.ts';
import { expectErrorShape } from '../../../support/expect-error-shape.ts';

const input: HvTranslateInput = {
  partitionId: 0xffff_ffff_ffff_ffffn,
  vpIndex: 0xffff_fffe,
  controlFlags: 0x1100_0000_0000_0013n,
  gvaPage: 0x000f_ffff_8000_0105n,
};
const output: HvTranslateOutput = { resultCode: 0, cacheType: 6, overlayPage: true, gpaPage: 0x0000_0001_2345_6789n };
const eventInfo = Uint8Array.from({ length: 32 }, (_, at) => at + 1);

/** Field by field; padding and reserved fields are in brackets. */
const inputBytes = 'ffffffffffffffff feffffff [00000000] 1300000000000011 05010080ffff0f00';
const outputBytes = '00000000 06 01[0000] 8967452301000000';
const eventBytes = '0102030405060708 090a0b0c0d0e0f10 1112131415161718 191a1b1c1d1e1f20';
const outputExBytes = `00000000 06 01[0000] [0000000000000000] ${eventBytes} 8967452301000000 [0000000000000000]`;

const bytesOf = (picture: string): Uint8Array => Uint8Array.from(Buffer.from(picture.replace(/[[\] ]/g, ''), 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
/** With every byte in brackets, and every reserved bit of the flags' byte, turned on. */
const withReservedSet = (picture: string): Uint8Array =>
  bytesOf(picture.replace(/ 01\[/, ' ff[').replace(/\[[0-9a-f]+\]/g, (bracket) => bracket.replaceAll('0', 'f')));

describe('the structures of HvCallTranslateVirtualAddress', () => {
  it('lay out the input', () => {
    expect(hexOf(encodeHvTranslateInput(input))).to.equal(hexOf(bytesOf(inputBytes)));
    expect(decodeHvTranslateInput(bytesOf(inputBytes))).to.deep.equal(input);
  });

  it('lay out the output', () => {
    expect(hexOf(encodeHvTranslateOutput(output))).to.equal(hexOf(bytesOf(outputBytes)));
    expect(decodeHvTranslateOutput(bytesOf(outputBytes))).to.deep.equal(output);
  });

  it('lay out the extended output, with GpaPage behind the event', () => {
    expect(hexOf(encodeHvTranslateOutputEx({ ...output, eventInfo }))).to.equal(hexOf(bytesOf(outputExBytes)));
    expect(decodeHvTranslateOutputEx(bytesOf(outputExBytes))).to.deep.equal({ ...output, eventInfo });
  });

  it('have no event in them unless one is given', () => {
    expect(decodeHvTranslateOutputEx(encodeHvTranslateOutputEx(output)).eventInfo).to.deep.equal(new Uint8Array(32));
  });

  it('are read without what is padding or reserved', () => {
    expect(decodeHvTranslateInput(withReservedSet(inputBytes))).to.deep.equal(input);
    expect(decodeHvTranslateOutput(withReservedSet(outputBytes))).to.deep.equal(output);
    expect(decodeHvTranslateOutputEx(withReservedSet(outputExBytes))).to.deep.equal({ ...output, eventInfo });
    const clear = bytesOf(outputBytes);
    clear[5] = 0xfe;
    expect(decodeHvTranslateOutput(clear).overlayPage).to.equal(false);
  });

  it('are read from the middle of a buffer, and what was read stays as it was', () => {
    const buffer = Buffer.concat([Buffer.alloc(3, 0xff), bytesOf(outputExBytes), Buffer.alloc(1, 0xff)]);
    const decoded = decodeHvTranslateOutputEx(buffer.subarray(3, 67));
    buffer.fill(0xee);
    expect(decoded).to.deep.equal({ ...output, eventInfo });
    const wide = Uint8Array.from([9, ...bytesOf(inputBytes), 9]);
    expect(decodeHvTranslateInput(wide.subarray(1, 33))).to.deep.equal(input);
  });

  it('are read from the start of a hypercall page', () => {
    const page = (picture: string) => Buffer.concat([bytesOf(picture), Buffer.alloc(4096, 0xee)]).subarray(0, 4096);
    expect(decodeHvTranslateInput(page(inputBytes))).to.deep.equal(input);
    expect(decodeHvTranslateOutput(page(outputBytes))).to.deep.equal(output);
    expect(decodeHvTranslateOutputEx(page(outputExBytes))).to.deep.equal({ ...output, eventInfo });
  });

  it('are read of Linux, which leaves out what follows GpaPage', () => {
    const packed = bytesOf(outputExBytes).subarray(0, 56);
    expect(decodeHvTranslateOutputEx(packed)).to.deep.equal({ ...output, eventInfo });
    const misplaced = Buffer.concat([Buffer.alloc(5, 0xff), packed]);
    expect(decodeHvTranslateOutputEx(misplaced.subarray(5))).to.deep.equal({ ...output, eventInfo });
  });

  it('have padding that Ex reserves', () => {
    const dirty = withReservedSet(inputBytes);
    expect(decodeHvTranslateInput(dirty, HV_CALL.translateVirtualAddress)).to.deep.equal(input);
    expect(decodeHvTranslateInput(bytesOf(inputBytes), HV_CALL.translateVirtualAddressEx)).to.deep.equal(input);
    expect(() => decodeHvTranslateInput(dirty, HV_CALL.translateVirtualAddressEx))
      .to.throw(AbiError, 'bytes 12 to 15')
      .with.property('code', 'ERR_ABI_INVALID_PARAMETER');
  });

  it('come back as they went', () => {
    const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
    const u32 = fc.nat(0xffff_ffff);
    const inputs = fc.record({ partitionId: u64, vpIndex: u32, controlFlags: u64, gvaPage: u64 });
    const outputs = fc.record({
      resultCode: u32,
      cacheType: fc.nat(0xff),
      overlayPage: fc.boolean(),
      gpaPage: u64,
      eventInfo: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    });
    fc.assert(
      fc.property(inputs, outputs, (anInput, { eventInfo: event, ...plain }) => {
        expect(decodeHvTranslateInput(encodeHvTranslateInput(anInput))).to.deep.equal(anInput);
        expect(decodeHvTranslateOutput(encodeHvTranslateOutput(plain))).to.deep.equal(plain);
        const extended = { ...plain, eventInfo: event };
        expect(decodeHvTranslateOutputEx(encodeHvTranslateOutputEx(extended))).to.deep.equal(extended);
      }),
    );
  });

  it('have the sizes that they have', () => {
    const refused = [
      [decodeHvTranslateInput, [0, 24, 31, 33, 4095, 4097]],
      [decodeHvTranslateOutput, [0, 8, 15, 17, 64, 4095]],
      [decodeHvTranslateOutputEx, [0, 16, 24, 48, 55]],
    ] as const;
    for (const [decode, sizes] of refused) {
      for (const size of sizes) {
        expect(() => decode(new Uint8Array(size)), `${decode.name} ${size}`)
          .to.throw(AbiError, `${size}`)
          .with.property('code', 'ERR_ABI_SIZE');
      }
    }
    try {
      decodeHvTranslateInput(new Uint8Array(7));
      expect.fail('7 bytes were taken');
    } catch (error) {
      expectErrorShape(error as AbiError, 'ABI');
    }
  });

  it('do not swallow what does not fit', () => {
    const encodeInput = (change: Partial<HvTranslateInput>) => () => encodeHvTranslateInput({ ...input, ...change });
    const encodeOutput = (change: Partial<HvTranslateOutput>) => () =>
      encodeHvTranslateOutput({ ...output, ...change });
    expect(encodeInput({ partitionId: 1n << 64n })).to.throw(RangeError, 'partitionId');
    expect(encodeInput({ vpIndex: 2 ** 32 })).to.throw(RangeError, 'vpIndex');
    expect(encodeInput({ vpIndex: -1 })).to.throw(RangeError, 'vpIndex');
    expect(encodeInput({ controlFlags: -1n })).to.throw(RangeError, 'controlFlags');
    expect(encodeInput({ gvaPage: 1n << 64n })).to.throw(RangeError, 'gvaPage');
    expect(encodeOutput({ resultCode: 0.5 })).to.throw(RangeError, 'resultCode');
    expect(encodeOutput({ resultCode: 2 ** 32 })).to.throw(RangeError, 'resultCode');
    expect(encodeOutput({ cacheType: 256 })).to.throw(RangeError, 'cacheType');
    expect(encodeOutput({ gpaPage: -1n })).to.throw(RangeError, 'gpaPage');
    for (const size of [31, 33]) {
      expect(() => encodeHvTranslateOutputEx({ ...output, eventInfo: new Uint8Array(size) })).to.throw(
        RangeError,
        'eventInfo',
      );
    }
  });
});
