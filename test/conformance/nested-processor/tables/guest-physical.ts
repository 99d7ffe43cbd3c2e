import type { Random } from '../../../support/random/random.ts';
import { FRAMES_BYTES } from '../layout.ts';
import { randomFrame } from './frames.ts';
import type { HostMemory } from './host-memory.ts';

const PAGE = 4096;
const KINDS = 8;
const GROUP = KINDS * PAGE;
const REGION = 0x20_0000;
const REGIONS_IN_1G = 512;
/** The 2 MiB regions in which a 1 GiB page that begins where memory does has the frames. */
const FIRST_FRAME_REGION = 24;

/** Draws guest-physical addresses whose kind is known. */
export class GuestPhysical {
  readonly #random: Random;
  readonly #memory: HostMemory;
  /** The chance, in percent, of an address that would be a frame's if it were not translated. */
  readonly #direct: number;

  constructor(random: Random, memory: HostMemory, direct: number) {
    this.#random = random;
    this.#memory = memory;
    this.#direct = direct;
  }

  /** @param width - how many bits the address may have */
  page(kind: number, width: number): number {
    const random = this.#random;
    if (random.chance(this.#direct)) return randomFrame(random, this.#memory, kind, width <= 32);
    const anywhere = this.#anywhere(width);
    return anywhere - (anywhere % GROUP) + kind * PAGE;
  }

  /** Where a page of a size may begin. */
  largePage(bytes: number, width: number): number {
    const random = this.#random;
    const { arenas } = this.#memory;
    if (bytes <= FRAMES_BYTES && random.chance(this.#direct)) {
      const base = (width <= 32 ? arenas[0] : random.pick(arenas))?.base ?? 0;
      return base + bytes * random.below(FRAMES_BYTES / bytes);
    }
    const anywhere = this.#anywhere(width);
    return anywhere - (anywhere % bytes);
  }

  #anywhere(width: number): number {
    const random = this.#random;
    const address = (random.uint32() * 2 ** 20 + random.below(2 ** 20)) % 2 ** width;
    if (random.chance(60)) return address;
    const region = FIRST_FRAME_REGION + random.below(FRAMES_BYTES / REGION);
    return address - (address % (REGIONS_IN_1G * REGION)) + region * REGION + (address % REGION);
  }
}
