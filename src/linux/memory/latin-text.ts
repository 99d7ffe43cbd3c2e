/** Text is read byte by byte, as Latin-1: what a kernel calls things is ASCII. */

const DECODED_AT_ONCE = 4096;
/** Longer than any name there is; foreign tables whose names have no end cost no more than this for each. */
const LONGEST_NAME_BYTES = 4096;

/** @internal */
export function decodeBytes(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; at += DECODED_AT_ONCE) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(to, at + DECODED_AT_ONCE)));
  }
  return text;
}

/** A name: the text up to a NUL, or up to the end, and 4096 bytes at most. @internal */
export function decodeName(bytes: Uint8Array, from = 0, to = bytes.length): string {
  const last = Math.min(to, from + LONGEST_NAME_BYTES);
  return decodeBytes(bytes, from, nameEnd(bytes, from, to) ?? last);
}

/** Where the NUL behind a name is; undefined where there is none near enough. @internal */
export function nameEnd(bytes: Uint8Array, from: number, to = bytes.length): number | undefined {
  const length = bytes.subarray(from, Math.min(to, from + LONGEST_NAME_BYTES)).indexOf(0);
  return length < 0 ? undefined : from + length;
}

/** @internal */
export function encodeText(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/**
 * Where bytes are first found in others; -1 where they are not.
 *
 * @param accepts - is asked with the place behind what was found
 * @internal
 */
export function findBytes(
  bytes: Uint8Array,
  wanted: Uint8Array,
  accepts: (end: number) => boolean = () => true,
): number {
  const [first = 0] = wanted;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte) && accepts(at + wanted.length)) return at;
  }
  return -1;
}
