import type { Random } from '../../support/random/random.ts';

/** The chances, in percent, of what a random entry has. */
export interface EntryOdds {
  readonly present: number;
  readonly writable: number;
  readonly user: number;
  readonly executeDisable: number;
  /** One bit, any, is turned over. */
  readonly strayBit: number;
  /** One bit that no entry may have set is turned over. */
  readonly reservedBit: number;
}

/** The two halves of an entry in the making, and what all formats have of chance. */
export class EntryBits {
  low = 0;
  /** Not looked at in a format of 4-byte entries. */
  high = 0;
  readonly #random: Random;
  readonly #maxPhyAddr: number;
  readonly #odds: EntryOdds;

  constructor(random: Random, maxPhyAddr: number, odds: EntryOdds) {
    this.#random = random;
    this.#maxPhyAddr = maxPhyAddr;
    this.#odds = odds;
  }

  maybe(percent: number, bits: number): number {
    return this.#random.chance(percent) ? bits : 0;
  }

  /** P, R/W, U/S; PWT, PCD, A, D, G and the bits free to software as they fall. */
  flags(): number {
    const { present, writable, user } = this.#odds;
    return this.maybe(present, 1) | this.maybe(writable, 2) | this.maybe(user, 4) | (this.#random.uint32() & 0xf78);
  }

  /** XD, in the high half. */
  executeDisable(): number {
    return this.maybe(this.#odds.executeDisable, 0x8000_0000);
  }

  flip(bit: number): void {
    if (bit < 32) this.low ^= 1 << bit;
    else this.high ^= 1 << (bit - 32);
  }

  /** Of a 4-byte entry, any bit at all. */
  disturb32(): void {
    if (this.#random.chance(this.#odds.strayBit)) this.flip(this.#random.below(32));
  }

  /** Any bit at all; one from MAXPHYADDR up to bit 51, reserved at any level; at the top levels bit 7 or 8. */
  disturb64(level: number): void {
    const random = this.#random;
    const { strayBit, reservedBit } = this.#odds;
    if (random.chance(strayBit)) this.flip(random.below(64));
    if (this.#maxPhyAddr < 52 && random.chance(reservedBit)) this.flip(random.between(this.#maxPhyAddr, 51));
    if (level >= 4 && random.chance(reservedBit)) this.flip(random.between(7, 8));
  }
}
