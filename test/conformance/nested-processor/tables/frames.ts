import type { Random } from '../../../support/random/random.ts';
import { FRAMES_BYTES } from '../layout.ts';
import type { HostMemory } from './host-memory.ts';

const PAGE = 4096;
const KINDS = 8;
const GROUP = KINDS * PAGE;

/** A frame of a kind. */
export function randomFrame(random: Random, { arenas }: HostMemory, kind: number, is32Bit: boolean): number {
  const base = (is32Bit ? arenas[0] : random.pick(arenas))?.base ?? 0;
  return base + GROUP * random.below(FRAMES_BYTES / GROUP) + kind * PAGE;
}

/** All frames of a kind. */
export function* framesOf({ arenas }: HostMemory, kind: number): Generator<number> {
  for (const { base } of arenas) {
    for (let frame = kind * PAGE; frame < FRAMES_BYTES; frame += GROUP) yield base + frame;
  }
}
