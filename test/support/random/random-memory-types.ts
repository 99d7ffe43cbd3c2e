import type { ReferenceMemoryTypes } from '../reference/reference-memory-type.ts';
import type { Random } from './random.ts';

/** PAT and MTRRs as software may write them, and never overlapping in a way that the manual leaves undefined. @internal */
export function randomMemoryTypes(random: Random, cr0: bigint, maxPhyAddr: number): ReferenceMemoryTypes {
  const type = () => random.pick([0n, 1n, 4n, 5n, 6n]);
  const eightOf = (make: () => bigint) =>
    Array.from({ length: 8 }, make).reduce((value, byte) => (value << 8n) | byte, 0n);
  const enabled = random.chance(85) ? 0x800n : 0n;
  const fixed = random.chance(50) ? 0x400n : 0n;
  const addressBits = ((1n << BigInt(maxPhyAddr)) - 1n) & ~0xfffn;
  const range = (ofType: bigint) => {
    const mask = addressBits & ~((1n << BigInt(random.between(12, maxPhyAddr))) - 1n);
    const valid = random.chance(80) ? 0x800n : 0n;
    return { base: (random.uint64() & mask) | ofType, mask: mask | valid };
  };
  // Uncached goes with everything, and write-through with write-back.
  const types = random.pick([[], [type()], [0n, type()], [4n, 6n], [6n, 0n, 4n]]);
  return {
    pat: eightOf(() => random.pick([0n, 1n, 4n, 5n, 6n, 7n])),
    mtrrDefType: enabled | fixed | type(),
    mtrrFixed: Array.from({ length: 11 }, () => eightOf(type)),
    mtrrVariable: types.map(range),
    cr0,
    maxPhyAddr,
  };
}
