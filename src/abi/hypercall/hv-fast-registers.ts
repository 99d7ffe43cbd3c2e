import { asAnswer } from '../../paging/internal.ts';
import { AbiError } from '../errors.ts';

/**
 * Registers of a fast hypercall on x64, where input and output are in registers:
 *
 * ```
 *  0     8    16     32     48     64     80     96     112
 * | RDX | R8 | XMM0 | XMM1 | XMM2 | XMM3 | XMM4 | XMM5 |
 * ```
 *
 * Output follows the input from the next XMM register on.
 *
 * @public
 */
export interface HvFastRegisters {
  readonly rdx: bigint;
  readonly r8: bigint;
  /** XMM0 to XMM5, or as many of them as are used; 128 bits each. */
  readonly xmm: readonly bigint[];
}

const GENERAL_BYTES = 16;
const XMM_BYTES = 16;
const XMM_COUNT = 6;
const MOST_BYTES = GENERAL_BYTES + XMM_COUNT * XMM_BYTES;

/** Bytes as 64- or 128-bit little-endian numbers; zeros are appended to fill the last. */
function wordsOf(bytes: Uint8Array, sizeBytes: number): bigint[] {
  return Array.from({ length: Math.ceil(bytes.length / sizeBytes) }, (_, at) =>
    bytes.subarray(at * sizeBytes, (at + 1) * sizeBytes).reduceRight((word, byte) => (word << 8n) | BigInt(byte), 0n),
  );
}

function bytesOf(words: readonly bigint[], sizeBytes: number): Uint8Array {
  const bytes = words.flatMap((word) => {
    if (BigInt.asUintN(sizeBytes * 8, word) !== word)
      throw new RangeError(`a register of ${sizeBytes * 8} bits does not hold ${word}`);
    return Array.from({ length: sizeBytes }, (_, at) => Number((word >> BigInt(at * 8)) & 0xffn));
  });
  return Uint8Array.from(bytes);
}

/**
 * The registers in which a fast hypercall has its input.
 *
 * @throws {@link AbiError} `ERR_ABI_SIZE` for more than registers hold: 112 bytes.
 * @public
 */
export function toHvFastRegisters(input: Uint8Array): HvFastRegisters {
  checkFits(input.byteLength);
  const [rdx = 0n, r8 = 0n] = wordsOf(input.subarray(0, GENERAL_BYTES), 8);
  return asAnswer({ rdx, r8, xmm: wordsOf(input.subarray(GENERAL_BYTES), XMM_BYTES) });
}

/**
 * The input of a fast hypercall, from the registers that it was made with.
 *
 * @param sizeBytes - 32 for both translations
 * @throws {@link AbiError} `ERR_ABI_SIZE` where the registers that were given hold fewer bytes; RangeError for a value that is
 * wider than its register.
 * @public
 */
export function fromHvFastRegisters({ rdx, r8, xmm }: HvFastRegisters, sizeBytes: number): Uint8Array {
  checkFits(sizeBytes);
  const bytes = Uint8Array.from([...bytesOf([rdx, r8], 8), ...bytesOf(xmm, XMM_BYTES)]);
  if (bytes.length < sizeBytes) {
    throw new AbiError('ERR_ABI_SIZE', `${sizeBytes} bytes of input are not in ${bytes.length} bytes of registers`);
  }
  return bytes.slice(0, sizeBytes);
}

/**
 * The XMM registers in which a fast hypercall leaves its output, by their numbers.
 *
 * @param inputSizeBytes - 32 for both translations, so that the output starts in XMM1
 * @throws {@link AbiError} `ERR_ABI_SIZE` when input and output are more than registers hold.
 * @public
 */
export function toHvFastOutput(output: Uint8Array, inputSizeBytes: number): ReadonlyMap<number, bigint> {
  const first = firstOutputRegister(inputSizeBytes);
  checkFits(GENERAL_BYTES + first * XMM_BYTES + output.byteLength);
  return new Map(wordsOf(output, XMM_BYTES).map((word, at) => [first + at, word]));
}

/**
 * The output of a fast hypercall, from the XMM registers after it.
 *
 * @param xmm - from XMM0 on
 * @throws {@link AbiError} `ERR_ABI_SIZE`; RangeError for a value that is wider than its register.
 * @public
 */
export function fromHvFastOutput(xmm: readonly bigint[], inputSizeBytes: number, outputSizeBytes: number): Uint8Array {
  const first = firstOutputRegister(inputSizeBytes);
  const bytes = bytesOf(xmm.slice(first), XMM_BYTES);
  if (bytes.length < outputSizeBytes) {
    throw new AbiError(
      'ERR_ABI_SIZE',
      `${outputSizeBytes} bytes of output are not in XMM${first} to XMM${xmm.length - 1}`,
    );
  }
  return bytes.slice(0, outputSizeBytes);
}

function firstOutputRegister(inputSizeBytes: number): number {
  return Math.max(0, Math.ceil((inputSizeBytes - GENERAL_BYTES) / XMM_BYTES));
}

function checkFits(sizeBytes: number): void {
  if (sizeBytes > MOST_BYTES) {
    throw new AbiError(
      'ERR_ABI_SIZE',
      `a fast hypercall has at most ${MOST_BYTES} bytes in registers, not ${sizeBytes}`,
    );
  }
}
