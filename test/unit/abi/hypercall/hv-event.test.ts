import { expect } from 'chai';
import fc from 'fast-check';
import {
  AbiError,
  decodeHvEventInfo,
  encodeHvEventInfo,
  HV_EVENT_TYPE,
  HV_INTERCEPT_ACCESS,
  type HvMemoryIntercept,
} from '../../../../src/abi/index.ts';

const intercept: HvMemoryIntercept = {
  type: 'memoryIntercept',
  targetVtl: 2,
  access: 'execute',
  causedByGpaAccess: true,
  guestLinearAddress: 0xffff_8000_1234_5000n,
  guestPhysicalAddress: 0x1_2345_6000n,
};
const picture = '03 02 02 03 [00000000] 0050341200 80ffff 0060452301000000 [0000000000000000]';
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/[[\] ]/g, ''), 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('EventInfo of HvCallTranslateVirtualAddressEx', () => {
  it('has the numbers of HV_X64_PENDING_EVENT_TYPE and HV_INTERCEPT_ACCESS_TYPE', () => {
    expect(HV_EVENT_TYPE).to.deep.equal({
      exception: 0,
      memoryIntercept: 1,
      nestedMemoryIntercept: 2,
      virtualizationFault: 3,
      hypercallOutput: 4,
      extInt: 5,
      shadowIpt: 6,
    });
    expect(HV_INTERCEPT_ACCESS).to.deep.equal({ read: 0, write: 1, execute: 2 });
  });

  it('lays out an intercept', () => {
    expect(hexOf(encodeHvEventInfo(intercept))).to.equal(hexOf(bytesOf(picture)));
    expect(decodeHvEventInfo(bytesOf(picture))).to.deep.equal(intercept);
    const nested = { ...intercept, type: 'nestedMemoryIntercept', access: 'read', causedByGpaAccess: false } as const;
    expect(hexOf(encodeHvEventInfo(nested)).slice(0, 8)).to.equal('05020001');
  });

  it('is all zero for no event, and no event without the pending bit', () => {
    expect(encodeHvEventInfo(null)).to.deep.equal(new Uint8Array(32));
    expect(decodeHvEventInfo(new Uint8Array(32))).to.equal(null);
    const notPending = bytesOf(picture);
    notPending[0] = 0x02;
    expect(decodeHvEventInfo(notPending)).to.equal(null);
  });

  it('has a linear address only where it says so, and ignores reserved bits', () => {
    const bytes = encodeHvEventInfo({ ...intercept, guestLinearAddress: null });
    expect(bytes[3]).to.equal(2);
    expect(bytes.slice(8, 16)).to.deep.equal(new Uint8Array(8));
    bytes.fill(0xff, 8, 16);
    expect(decodeHvEventInfo(bytes)).to.include({ guestLinearAddress: null });
    const dirty = bytesOf(picture);
    for (const at of [4, 5, 6, 7, 24, 31]) dirty[at] = 0xff;
    dirty[0] = 0xf3;
    dirty[3] = 0xff;
    expect(decodeHvEventInfo(dirty)).to.deep.equal(intercept);
  });

  it('names the kinds of event that are no intercepts, and says of none more than that', () => {
    const kinds = Array.from({ length: 8 }, (_, type) => {
      const bytes = new Uint8Array(32);
      bytes[0] = (type << 1) | 1;
      return decodeHvEventInfo(bytes)?.type;
    });
    expect(kinds).to.deep.equal([
      'exception',
      'memoryIntercept',
      'nestedMemoryIntercept',
      'virtualizationFault',
      'hypercallOutput',
      'extInt',
      'shadowIpt',
      'unknown',
    ]);
    const strange = bytesOf(picture);
    strange[2] = 3;
    expect(decodeHvEventInfo(strange)).to.deep.equal({ type: 'unknown' });
  });

  it('has 32 bytes, and swallows nothing that does not fit', () => {
    for (const size of [0, 31, 33]) {
      expect(() => decodeHvEventInfo(new Uint8Array(size)))
        .to.throw(AbiError, `${size}`)
        .with.property('code', 'ERR_ABI_SIZE');
    }
    for (const targetVtl of [-1, 256, 1.5]) {
      expect(() => encodeHvEventInfo({ ...intercept, targetVtl })).to.throw(RangeError, 'targetVtl');
    }
    expect(() => encodeHvEventInfo({ ...intercept, guestLinearAddress: -1n })).to.throw(RangeError, 'guestLinear');
    expect(() => encodeHvEventInfo({ ...intercept, guestPhysicalAddress: 1n << 64n })).to.throw(RangeError, 'Physical');
  });

  it('comes back as it went, also from the middle of a buffer', () => {
    const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
    const intercepts = fc.record({
      type: fc.constantFrom('memoryIntercept' as const, 'nestedMemoryIntercept' as const),
      targetVtl: fc.nat(255),
      access: fc.constantFrom('read' as const, 'write' as const, 'execute' as const),
      causedByGpaAccess: fc.boolean(),
      guestLinearAddress: fc.option(u64),
      guestPhysicalAddress: u64,
    });
    fc.assert(
      fc.property(intercepts, (event) => {
        const wide = Uint8Array.from([0xff, ...encodeHvEventInfo(event), 0xff]);
        expect(decodeHvEventInfo(wide.subarray(1, 33))).to.deep.equal(event);
      }),
    );
  });
});
