// What a character stands for; 0xff for what is not a hexadecimal digit.
const DIGIT_VALUES = buildDigitValues();
const BYTE_TEXTS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Formats a number as the protocol wants it: lower-case hexadecimal, no prefix, no padding. @internal */
export function formatHex(value: number | bigint): string {
  return value.toString(16);
}

/** Formats bytes as two lower-case digits each. @internal */
export function formatHexBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += BYTE_TEXTS[byte];
  return text;
}

/** The value of a hexadecimal digit given as a character code, or 0xff. @internal */
export function hexDigitValue(code: number): number {
  return DIGIT_VALUES[code & 0xff] as number;
}

/** From here on Node's own decoder is sooner, by far where our loop is not compiled yet: in the pause of a guest that waits. */
const LONG_BYTES = 1024;

/**
 * Decodes hexadecimal text into `target`: replies of 4 KiB come by the thousand.
 *
 * @returns false if `source` holds anything but digits, in which case `target` holds rubbish.
 * @internal
 */
export function decodeHexInto(source: Uint8Array, target: Uint8Array, targetOffset: number): boolean {
  if (source.length >= LONG_BYTES) return decodeLong(source, target, targetOffset);
  let seen = 0;
  let at = targetOffset;
  const end = source.length & ~1;
  for (let index = 0; index < end; index += 2) {
    const high = DIGIT_VALUES[source[index] as number] as number;
    const low = DIGIT_VALUES[source[index + 1] as number] as number;
    seen |= high | low;
    target[at++] = (high << 4) | low;
  }
  return (seen & 0xf0) === 0 && end === source.length;
}

/** It stops at what is no digit. */
function decodeLong(source: Uint8Array, target: Uint8Array, targetOffset: number): boolean {
  const text = bufferOver(source).toString('latin1');
  return bufferOver(target).write(text, targetOffset, 'hex') * 2 === source.length;
}

function bufferOver({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Decodes hexadecimal text, or gives undefined if it is none. @internal */
export function decodeHex(source: Uint8Array): Uint8Array | undefined {
  const target = new Uint8Array(source.length >> 1);
  return decodeHexInto(source, target, 0) ? target : undefined;
}

function buildDigitValues(): Uint8Array {
  const values = new Uint8Array(256).fill(0xff);
  for (const [index, digit] of [...'0123456789abcdef'].entries()) {
    values[digit.charCodeAt(0)] = index;
    values[digit.toUpperCase().charCodeAt(0)] = index;
  }
  return values;
}
