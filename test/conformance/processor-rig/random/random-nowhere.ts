import type { Random } from '../../../support/random/random.ts';
import { RAM_BYTES } from '../layout.ts';
import { type PhysicalReach, physicalBits } from '../memory/high-memory.ts';

const TWO_32 = 0x1_0000_0000;
const HOLE = 0x3000_0000;
const HOLE_BYTES = 0x1000_0000;
/** For a page that is larger than the hole. */
const BEHIND_HOLE = HOLE + HOLE_BYTES;

/** What is asked for where nothing is. */
export interface NowhereWanted {
  /** The size of the page that may begin there. */
  readonly bytes: number;
  readonly is32Bit: boolean;
  readonly highBase: number | null;
}

/**
 * A physical address where nothing is: between RAM and the devices below 4 GiB, chosen so that no single wrong bit leads to
 * either, or far up.
 */
export function randomNowhere(random: Random, reach: PhysicalReach, wanted: NowhereWanted): number {
  const { bytes, is32Bit, highBase } = wanted;
  const bits = physicalBits(reach);
  if (is32Bit || bits < 34 || random.chance(30)) {
    return bytes > HOLE_BYTES ? BEHIND_HOLE : HOLE + bytes * random.below(HOLE_BYTES / bytes);
  }
  for (;;) {
    const anywhere = (random.uint32() * 2 ** 20 + random.below(2 ** 20)) % 2 ** bits;
    const address = Math.floor(anywhere / bytes) * bytes;
    const isHighMemory = highBase !== null && address >= highBase && address < highBase + RAM_BYTES;
    if (address >= TWO_32 && !isHighMemory) return address;
  }
}
