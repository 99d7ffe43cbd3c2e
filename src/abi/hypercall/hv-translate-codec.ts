import { asAnswer } from '../../paging/internal.ts';
import { AbiError } from '../errors.ts';
import { refuseParameter } from './hv-control.ts';
import { HV_EVENT_INFO_BYTES } from './hv-event.ts';
import { HV_CALL } from './hv-hypercall.ts';

/**
 * Input of both hypercalls, little-endian:
 *
 * ```
 *  0             8         12         16             24        32
 * | PartitionId | VpIndex | padding  | ControlFlags | GvaPage |
 *   u64           u32       u32        u64            u64
 * ```
 *
 * @public
 */
export const HV_TRANSLATE_INPUT_BYTES = 32;

/**
 * Output of HvCallTranslateVirtualAddress (0x0052):
 *
 * ```
 *  0            4           5                         8         16
 * | ResultCode | CacheType | OverlayPage:1, zero:23  | GpaPage |
 *   u32          u8                                    u64
 * ```
 *
 * @public
 */
export const HV_TRANSLATE_OUTPUT_BYTES = 16;

/**
 * Output of HvCallTranslateVirtualAddressEx (0x00AC). The pages of 2025 put GpaPage at 16, in 24 bytes, yet give the result an
 * EventInfo, for which those have no room. Those who call it have this; Linux, whose declaration is packed, has it without the
 * last 8 bytes:
 *
 * ```
 *  0                        8          16           48        56        64
 * | as above, to GpaPage   | reserved | EventInfo  | GpaPage | reserved |
 *                            u64        32 bytes     u64       u64
 * ```
 *
 * @public
 */
export const HV_TRANSLATE_OUTPUT_EX_BYTES = 64;

/** A hypercall page, with input or output at its start. @public */
export const HV_PAGE_BYTES = 4096;

/** To the end of GpaPage: what callers have who leave out the reserved field behind it. */
const OUTPUT_EX_LEAST = 56;

const INPUT = { partitionId: 0, vpIndex: 8, padding: 12, controlFlags: 16, gvaPage: 24 } as const;
const OUTPUT = { resultCode: 0, cacheType: 4, flags: 5, gpaPage: 8 } as const;
const OUTPUT_EX = { eventInfo: 16, gpaPage: 48 } as const;
const OVERLAY_PAGE = 1;

/** What the caller of either hypercall fills in. @public */
export interface HvTranslateInput {
  readonly partitionId: bigint;
  readonly vpIndex: number;
  /** HV_CONTROL bits. */
  readonly controlFlags: bigint;
  /** Guest virtual address without its low 12 bits, shifted down. */
  readonly gvaPage: bigint;
}

/** What the hypercall fills in. @public */
export interface HvTranslateOutput {
  /** An HV_RESULT value. */
  readonly resultCode: number;
  /** An HV_CACHE_TYPE value; means something on Success alone. */
  readonly cacheType: number;
  readonly overlayPage: boolean;
  /** Guest physical page; for the codes about pages of tables that page, 0 for other failures. */
  readonly gpaPage: bigint;
}

/** What HvCallTranslateVirtualAddressEx fills in. @public */
export interface HvTranslateOutputEx extends HvTranslateOutput {
  /** HV_X64_PENDING_EVENT, 32 bytes: the event that an Intercept is. All zero is no event. */
  readonly eventInfo: Uint8Array;
}

/** @throws RangeError for a number that does not fit its field. @public */
export function encodeHvTranslateInput(input: HvTranslateInput): Uint8Array {
  const view = new DataView(new ArrayBuffer(HV_TRANSLATE_INPUT_BYTES));
  view.setBigUint64(INPUT.partitionId, unsigned64(input.partitionId, 'partitionId'), true);
  view.setUint32(INPUT.vpIndex, unsigned(input.vpIndex, 32, 'vpIndex'), true);
  view.setBigUint64(INPUT.controlFlags, unsigned64(input.controlFlags, 'controlFlags'), true);
  view.setBigUint64(INPUT.gvaPage, unsigned64(input.gvaPage, 'gvaPage'), true);
  return new Uint8Array(view.buffer);
}

/**
 * Reads an input, or a hypercall page that has one at its start.
 *
 * @param callCode - padding is ignored for HvCallTranslateVirtualAddress, and has to be zero for Ex, whose page calls it reserved
 * @throws {@link AbiError} `ERR_ABI_SIZE` unless there are 32 bytes or a page; `ERR_ABI_INVALID_PARAMETER`.
 * @public
 */
export function decodeHvTranslateInput(
  bytes: Uint8Array,
  callCode: number = HV_CALL.translateVirtualAddress,
): HvTranslateInput {
  const view = viewOf(bytes, HV_TRANSLATE_INPUT_BYTES, 'the input of HvCallTranslateVirtualAddress');
  if (callCode === HV_CALL.translateVirtualAddressEx && view.getUint32(INPUT.padding, true) !== 0) {
    refuseParameter('bytes 12 to 15 of the input are reserved');
  }
  return asAnswer({
    partitionId: view.getBigUint64(INPUT.partitionId, true),
    vpIndex: view.getUint32(INPUT.vpIndex, true),
    controlFlags: view.getBigUint64(INPUT.controlFlags, true),
    gvaPage: view.getBigUint64(INPUT.gvaPage, true),
  });
}

/** @throws RangeError for a number that does not fit its field. @public */
export function encodeHvTranslateOutput(output: HvTranslateOutput): Uint8Array {
  const view = new DataView(new ArrayBuffer(HV_TRANSLATE_OUTPUT_BYTES));
  writeResult(view, output);
  view.setBigUint64(OUTPUT.gpaPage, unsigned64(output.gpaPage, 'gpaPage'), true);
  return new Uint8Array(view.buffer);
}

/**
 * Reads an output, or a hypercall page that has one at its start. Reserved bits are ignored.
 *
 * @throws {@link AbiError} `ERR_ABI_SIZE` unless there are 16 bytes or a page.
 * @public
 */
export function decodeHvTranslateOutput(bytes: Uint8Array): HvTranslateOutput {
  const view = viewOf(bytes, HV_TRANSLATE_OUTPUT_BYTES, 'the output of HvCallTranslateVirtualAddress');
  return asAnswer({ ...readResult(view), gpaPage: view.getBigUint64(OUTPUT.gpaPage, true) });
}

/** No event unless one is given. @throws RangeError for what does not fit its field. @public */
export function encodeHvTranslateOutputEx(
  output: HvTranslateOutput & Partial<Pick<HvTranslateOutputEx, 'eventInfo'>>,
): Uint8Array {
  const { eventInfo = new Uint8Array(HV_EVENT_INFO_BYTES) } = output;
  if (eventInfo.byteLength !== HV_EVENT_INFO_BYTES) {
    throw new RangeError(`eventInfo has ${HV_EVENT_INFO_BYTES} bytes, not ${eventInfo.byteLength}`);
  }
  const bytes = new Uint8Array(HV_TRANSLATE_OUTPUT_EX_BYTES);
  const view = new DataView(bytes.buffer);
  writeResult(view, output);
  bytes.set(eventInfo, OUTPUT_EX.eventInfo);
  view.setBigUint64(OUTPUT_EX.gpaPage, unsigned64(output.gpaPage, 'gpaPage'), true);
  return bytes;
}

/**
 * Reads an output of Ex. Reserved bits are ignored, and so is what lies behind GpaPage.
 *
 * @throws {@link AbiError} `ERR_ABI_SIZE` unless there are 56 bytes or more.
 * @public
 */
export function decodeHvTranslateOutputEx(bytes: Uint8Array): HvTranslateOutputEx {
  if (bytes.byteLength < OUTPUT_EX_LEAST) {
    throw new AbiError(
      'ERR_ABI_SIZE',
      `the output of HvCallTranslateVirtualAddressEx has ${OUTPUT_EX_LEAST} bytes or more, not ${bytes.byteLength}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, OUTPUT_EX_LEAST);
  return asAnswer({
    ...readResult(view),
    eventInfo: Uint8Array.from(bytes.subarray(OUTPUT_EX.eventInfo, OUTPUT_EX.eventInfo + HV_EVENT_INFO_BYTES)),
    gpaPage: view.getBigUint64(OUTPUT_EX.gpaPage, true),
  });
}

function writeResult(view: DataView, { resultCode, cacheType, overlayPage }: HvTranslateOutput): void {
  view.setUint32(OUTPUT.resultCode, unsigned(resultCode, 32, 'resultCode'), true);
  view.setUint8(OUTPUT.cacheType, unsigned(cacheType, 8, 'cacheType'));
  view.setUint8(OUTPUT.flags, overlayPage ? OVERLAY_PAGE : 0);
}

function readResult(view: DataView): Omit<HvTranslateOutput, 'gpaPage'> {
  return {
    resultCode: view.getUint32(OUTPUT.resultCode, true),
    cacheType: view.getUint8(OUTPUT.cacheType),
    overlayPage: (view.getUint8(OUTPUT.flags) & OVERLAY_PAGE) !== 0,
  };
}

function viewOf(bytes: Uint8Array, sizeBytes: number, what: string): DataView {
  if (bytes.byteLength !== sizeBytes && bytes.byteLength !== HV_PAGE_BYTES) {
    throw new AbiError(
      'ERR_ABI_SIZE',
      `${what} has ${sizeBytes} bytes, or lies at the start of a page of ${HV_PAGE_BYTES}, and is not ${bytes.byteLength} bytes`,
    );
  }
  return new DataView(bytes.buffer, bytes.byteOffset, sizeBytes);
}

function unsigned64(value: bigint, field: string): bigint {
  if (BigInt.asUintN(64, value) !== value) throw new RangeError(`${field} does not fit 64 bits: ${value}`);
  return value;
}

function unsigned(value: number, bits: 8 | 32, field: string): number {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits) {
    throw new RangeError(`${field} does not fit ${bits} bits: ${value}`);
  }
  return value;
}
