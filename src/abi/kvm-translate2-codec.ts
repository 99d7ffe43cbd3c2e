import { asAnswer } from '../paging/internal.ts';
import { AbiError } from './errors.ts';
import type { Translate2Answer, Translate2Request } from './kvm-translate2.ts';

/**
 * `struct kvm_translation2`, 40 bytes, little-endian:
 *
 * ```
 *  0               8       10      12      16                 24      26          28                  29    40
 * | linear_address | flags | access | pad  | physical_address | valid | error_code | set_bits_succeeded | pad |
 *   u64              u16     u16             u64                u8      u16          u8
 * ```
 *
 * @public
 */
export const TRANSLATE2_BYTES = 40;

const OFFSET = {
  linearAddress: 0,
  flags: 8,
  access: 10,
  physicalAddress: 16,
  valid: 24,
  errorCode: 26,
  setBitsSucceeded: 28,
} as const;

/** The whole structure: a request, with the answer once there is one. @public */
export interface Translate2Structure extends Translate2Request, Translate2Answer {}

const NO_ANSWER: Translate2Answer = { physicalAddress: 0n, valid: false, errorCode: 0, setBitsSucceeded: false };

/**
 * The structure's 40 bytes. Padding is zero.
 *
 * @throws RangeError for a number that does not fit its field
 * @public
 */
export function encodeTranslate2(request: Translate2Request, answer: Translate2Answer = NO_ANSWER): Uint8Array {
  const bytes = new Uint8Array(TRANSLATE2_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(OFFSET.linearAddress, toU64(request.linearAddress, 'linearAddress'), true);
  view.setUint16(OFFSET.flags, toU16(request.flags, 'flags'), true);
  view.setUint16(OFFSET.access, toU16(request.access, 'access'), true);
  view.setBigUint64(OFFSET.physicalAddress, toU64(answer.physicalAddress, 'physicalAddress'), true);
  view.setUint8(OFFSET.valid, answer.valid ? 1 : 0);
  view.setUint16(OFFSET.errorCode, toU16(answer.errorCode, 'errorCode'), true);
  view.setUint8(OFFSET.setBitsSucceeded, answer.setBitsSucceeded ? 1 : 0);
  return bytes;
}

/**
 * Reads the structure. Padding is ignored, as the ioctl ignores it.
 *
 * @throws {@link AbiError} `ERR_ABI_SIZE` unless there are 40 bytes.
 * @public
 */
export function decodeTranslate2(bytes: Uint8Array): Translate2Structure {
  if (bytes.byteLength !== TRANSLATE2_BYTES) {
    throw new AbiError(
      'ERR_ABI_SIZE',
      `struct kvm_translation2 has ${TRANSLATE2_BYTES} bytes, not ${bytes.byteLength}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return asAnswer({
    linearAddress: view.getBigUint64(OFFSET.linearAddress, true),
    flags: view.getUint16(OFFSET.flags, true),
    access: view.getUint16(OFFSET.access, true),
    physicalAddress: view.getBigUint64(OFFSET.physicalAddress, true),
    valid: view.getUint8(OFFSET.valid) !== 0,
    errorCode: view.getUint16(OFFSET.errorCode, true),
    setBitsSucceeded: view.getUint8(OFFSET.setBitsSucceeded) !== 0,
  });
}

function toU64(value: bigint, field: string): bigint {
  if (BigInt.asUintN(64, value) !== value) throw new RangeError(`${field} does not fit 64 bits: ${value}`);
  return value;
}

function toU16(value: number, field: string): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff)
    throw new RangeError(`${field} does not fit 16 bits: ${value}`);
  return value;
}
