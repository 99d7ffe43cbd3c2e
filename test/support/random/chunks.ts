import { Random } from './random.ts';

/** One way to cut bytes into pieces, with a name that says how to get the same cut again. */
export interface Cut {
  readonly name: string;
  readonly pieces: readonly Buffer[];
}

const RANDOM_CUTS = 20;

/**
 * The cuts that every decoder has to bear: none, one after each byte, and some at random. `PAGEWALK_SEED` replays the random
 * ones.
 */
export function everyCut(bytes: Uint8Array): readonly Cut[] {
  const buffer = Buffer.from(bytes);
  const { PAGEWALK_SEED } = process.env;
  const seed = Number(PAGEWALK_SEED ?? Math.floor(Math.random() * 0x1_0000_0000));
  return [
    { name: 'whole', pieces: [buffer] },
    { name: 'byte by byte', pieces: [...buffer].map((byte) => Buffer.of(byte)) },
    ...Array.from({ length: RANDOM_CUTS }, (_, round) => ({
      name: `at random, PAGEWALK_SEED=${seed} round ${round}`,
      pieces: cutAtRandom(buffer, new Random(seed + round)),
    })),
  ];
}

function cutAtRandom(bytes: Buffer, random: Random): Buffer[] {
  const pieces: Buffer[] = [];
  const longest = random.between(1, Math.max(1, bytes.length));
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + random.between(1, longest));
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}
