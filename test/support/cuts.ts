import { Random } from './random.ts';

/** A way of cutting bytes into pieces. */
export interface Cut {
  /** Says how, with the seed where there is one. */
  readonly name: string;
  readonly pieces: readonly Uint8Array[];
}

const RANDOM_CUTS = 20;

/** Bytes whole, byte by byte, and cut at random, as a stream may deliver them. */
export function cutsOf(bytes: Uint8Array): Cut[] {
  const single = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
  const start = Date.now();
  const random = Array.from({ length: RANDOM_CUTS }, (_, index) => {
    const seed = start + index;
    return { name: `cut with seed ${seed}`, pieces: cutAtRandom(bytes, new Random(seed)) };
  });
  return [{ name: 'whole', pieces: [bytes] }, { name: 'byte by byte', pieces: single }, ...random];
}

function cutAtRandom(bytes: Uint8Array, random: Random): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = random.between(1, Math.max(1, Math.ceil(bytes.length / 4)));
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}
