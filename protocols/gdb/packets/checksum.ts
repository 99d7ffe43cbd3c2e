const WORD_BYTES = 4;
/** Below this a word at a time gains nothing. */
const LONG_BYTES = 256;
/** Every other byte of a word, with room for a carry between them. */
const EVERY_OTHER = 0x00ff_00ff;

/**
 * The sum of all bytes modulo 256. Long bodies are summed a word at a time: one that comes before the loop is compiled, while a guest
 * waits, takes a fifth of the time.
 *
 * @internal
 */
export function checksumOf(body: Uint8Array): number {
  if (body.length < LONG_BYTES) return sum(body, 0, body.length);
  const start = -body.byteOffset & (WORD_BYTES - 1);
  const count = Math.floor((body.length - start) / WORD_BYTES);
  const end = start + count * WORD_BYTES;
  const words = sumOfWords(new Uint32Array(body.buffer, body.byteOffset + start, count));
  return (sum(body, 0, start) + words + sum(body, end, body.length)) & 0xff;
}

function sum(body: Uint8Array, start: number, end: number): number {
  let total = 0;
  for (let at = start; at < end; at++) total += body[at] as number;
  return total & 0xff;
}

function sumOfWords(words: Uint32Array): number {
  let even = 0;
  let odd = 0;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as number;
    even = (even + (word & EVERY_OTHER)) & EVERY_OTHER;
    odd = (odd + ((word >>> 8) & EVERY_OTHER)) & EVERY_OTHER;
  }
  return even + (even >>> 16) + odd + (odd >>> 16);
}
