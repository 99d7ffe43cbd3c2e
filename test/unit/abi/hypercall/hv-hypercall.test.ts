import { expect } from 'chai';
import fc from 'fast-check';
import {
  AbiError,
  checkHvTranslateControl,
  decodeHvHypercallControl,
  decodeHvHypercallResult,
  encodeHvHypercallControl,
  encodeHvHypercallResult,
  encodeHvTranslateInput,
  encodeHvTranslateOutput,
  encodeHvTranslateOutputEx,
  fromHvFastOutput,
  fromHvFastRegisters,
  HV_CALL,
  HV_SELF,
  HV_STATUS,
  toHvFastOutput,
  toHvFastRegisters,
} from '../../../../src/abi/index.ts';
import { expectErrorShape } from '../../../support/expect-error-shape.ts';

const refusalOf = (act: () => unknown): AbiError => {
  try {
    act();
  } catch (error) {
    expect(error).to.be.instanceOf(AbiError);
    expectErrorShape(error as AbiError, 'ABI');
    return error as AbiError;
  }
  expect.fail('nothing was refused');
};

describe('the hypercall input value', () => {
  it('has its fields where the specification has them', () => {
    expect(encodeHvHypercallControl({ callCode: HV_CALL.translateVirtualAddress })).to.equal(0x52n);
    expect(encodeHvHypercallControl({ callCode: HV_CALL.translateVirtualAddressEx, fast: true })).to.equal(0x1_00acn);
    const full = {
      callCode: 0xffff,
      fast: true,
      variableHeaderSize: 0x3ff,
      isNested: true,
      repCount: 0xfff,
      repStartIndex: 0xfff,
    };
    expect(encodeHvHypercallControl(full)).to.equal(0x0fff_0fff_87ff_ffffn);
    expect(decodeHvHypercallControl(0x0fff_0fff_87ff_ffffn)).to.deep.equal(full);
    const oneByOne = [
      [{ variableHeaderSize: 1 }, 17n],
      [{ isNested: true }, 31n],
      [{ repCount: 1 }, 32n],
      [{ repStartIndex: 1 }, 48n],
    ] as const;
    for (const [field, bit] of oneByOne) {
      expect(encodeHvHypercallControl({ callCode: 0, ...field })).to.equal(1n << bit);
    }
  });

  it('is refused with reserved bits, and with numbers that do not fit', () => {
    for (const bit of [27n, 30n, 44n, 47n, 60n, 63n, 64n]) {
      const { code, message } = refusalOf(() => decodeHvHypercallControl(0x52n | (1n << bit)));
      expect(code).to.equal('ERR_ABI_HYPERCALL_INPUT');
      expect(message).to.contain('HV_STATUS_INVALID_HYPERCALL_INPUT');
    }
    expect(() => encodeHvHypercallControl({ callCode: 0x1_0000 })).to.throw(RangeError, 'callCode');
    expect(() => encodeHvHypercallControl({ callCode: 0, repCount: 0x1000 })).to.throw(RangeError, 'repCount');
    expect(() => encodeHvHypercallControl({ callCode: 0, repStartIndex: -1 })).to.throw(RangeError, 'repStartIndex');
    expect(() => encodeHvHypercallControl({ callCode: 0, variableHeaderSize: 0.5 })).to.throw(RangeError, 'variable');
  });

  it('makes one of the translations, which are simple calls', () => {
    const control = (change: object) => ({ ...decodeHvHypercallControl(0x52n), ...change });
    expect(checkHvTranslateControl(control({ fast: true }))).to.equal(0x52);
    expect(checkHvTranslateControl(control({ callCode: 0xac, isNested: true }))).to.equal(0xac);
    const refused = [
      [{ callCode: 0x53 }, 'HV_STATUS_INVALID_HYPERCALL_CODE'],
      [{ repCount: 1 }, 'HV_STATUS_INVALID_HYPERCALL_INPUT'],
      [{ repStartIndex: 1 }, 'HV_STATUS_INVALID_HYPERCALL_INPUT'],
      [{ variableHeaderSize: 1 }, 'HV_STATUS_INVALID_HYPERCALL_INPUT'],
    ] as const;
    for (const [change, status] of refused) {
      expect(refusalOf(() => checkHvTranslateControl(control(change))).message).to.contain(status);
    }
  });
});

describe('the hypercall result value', () => {
  it('has a status and a count of reps', () => {
    expect(encodeHvHypercallResult({ status: HV_STATUS.ACCESS_DENIED, repsCompleted: 3 })).to.equal(0x3_0000_0006n);
    expect(decodeHvHypercallResult(0xffff_f003_abcd_0005n)).to.deep.equal({ status: 5, repsCompleted: 3 });
    expect(() => encodeHvHypercallResult({ status: -1, repsCompleted: 0 })).to.throw(RangeError, 'status');
  });

  it('has the statuses of the translations, as the TLFS numbers them', () => {
    expect(HV_STATUS).to.deep.equal({
      SUCCESS: 0,
      INVALID_HYPERCALL_CODE: 2,
      INVALID_HYPERCALL_INPUT: 3,
      INVALID_ALIGNMENT: 4,
      INVALID_PARAMETER: 5,
      ACCESS_DENIED: 6,
      INVALID_PARTITION_STATE: 7,
      OPERATION_DENIED: 8,
      INVALID_PARTITION_ID: 0xd,
      INVALID_VP_INDEX: 0xe,
      INVALID_VP_STATE: 0x15,
    });
  });
});

describe('a fast hypercall', () => {
  const input = encodeHvTranslateInput({
    ...HV_SELF,
    controlFlags: 0x10_0000_0000_0013n,
    gvaPage: 0xf_ffff_8000_0105n,
  });

  it('has its input in RDX, R8 and XMM0', () => {
    const registers = toHvFastRegisters(input);
    expect(registers).to.deep.equal({
      rdx: 0xffff_ffff_ffff_ffffn,
      r8: 0xffff_fffen,
      xmm: [0x000f_ffff_8000_0105_0010_0000_0000_0013n],
    });
    expect(fromHvFastRegisters(registers, 32)).to.deep.equal(input);
    expect(fromHvFastRegisters({ ...registers, xmm: [...registers.xmm, 7n] }, 32)).to.deep.equal(input);
  });

  it('is not of more bytes than the registers of the interface hold, however many are given', () => {
    const registers = { rdx: 0n, r8: 0n, xmm: Array.from({ length: 7 }, () => 0n) };
    expect(fromHvFastRegisters(registers, 112)).to.have.length(112);
    expect(() => fromHvFastRegisters(registers, 113)).to.throw(AbiError, /112/);
  });

  it('has its output in the XMM registers behind', () => {
    const answer = { resultCode: 0, cacheType: 6, overlayPage: true, gpaPage: 0x12_3456n };
    const output = encodeHvTranslateOutput(answer);
    const left = toHvFastOutput(output, input.length);
    expect([...left]).to.deep.equal([[1, 0x12_3456_0000_0106_0000_0000n]]);
    expect(fromHvFastOutput([0n, left.get(1) ?? 0n], 32, 16)).to.deep.equal(output);
    const extended = encodeHvTranslateOutputEx({ ...answer, eventInfo: new Uint8Array(32).fill(9) });
    const leftEx = toHvFastOutput(extended, 32);
    expect([...leftEx.keys()]).to.deep.equal([1, 2, 3, 4]);
    expect(fromHvFastOutput([0n, ...leftEx.values(), 0n], 32, 64)).to.deep.equal(extended);
    expect([...toHvFastOutput(output, 16).keys()]).to.deep.equal([0]);
  });

  it('comes back as it went, of any size that registers hold', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 112 }), (bytes) => {
        expect(fromHvFastRegisters(toHvFastRegisters(bytes), bytes.length)).to.deep.equal(Uint8Array.from(bytes));
      }),
    );
  });

  it('is refused what registers do not hold', () => {
    const { rdx, r8 } = toHvFastRegisters(input);
    const refused = [
      () => toHvFastRegisters(new Uint8Array(113)),
      () => fromHvFastRegisters({ rdx, r8, xmm: [] }, 32),
      () => fromHvFastRegisters({ rdx, r8, xmm: [] }, 113),
      () => toHvFastOutput(new Uint8Array(97), 16),
      () => fromHvFastOutput([0n], 32, 16),
    ];
    for (const act of refused) expect(refusalOf(act).code).to.equal('ERR_ABI_SIZE');
    expect(() => fromHvFastRegisters({ rdx: 1n << 64n, r8, xmm: [0n] }, 32)).to.throw(RangeError, '64 bits');
    expect(() => fromHvFastRegisters({ rdx, r8, xmm: [1n << 128n] }, 32)).to.throw(RangeError, '128 bits');
  });
});
