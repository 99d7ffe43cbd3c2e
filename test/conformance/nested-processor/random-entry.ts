import type { Random } from '../../support/random.ts';
import type { HostMode } from './machine.ts';

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

const TWO_32 = 0x1_0000_0000;

/** Makes random entries of one format: mostly ones that work, here and there with each thing that does not. */
export class RandomEntry {
  low = 0;
  /** Zero in a format of 4-byte entries. */
  high = 0;
  readonly #random: Random;
  readonly #mode: HostMode;
  readonly #maxPhyAddr: number;
  readonly #odds: EntryOdds;

  constructor(random: Random, mode: HostMode, maxPhyAddr: number, odds: EntryOdds) {
    this.#random = random;
    this.#mode = mode;
    this.#maxPhyAddr = maxPhyAddr;
    this.#odds = odds;
  }

  /** An entry that leads to a table, or at level 1 to a page. */
  makeSmall(level: number, target: number): void {
    const bit7 = level === 1 ? this.#maybe(50, 0x80) : this.#mode === '32-bit' ? this.#maybe(3, 0x80) : 0;
    this.#make(level, bit7, target);
  }

  /** An entry that maps a large page: 4 MiB, or 2 MiB at level 2 and 1 GiB at level 3. */
  makeLarge(level: number, target: number): void {
    const random = this.#random;
    const pat = this.#maybe(50, 0x1000);
    if (this.#mode === '32-bit') {
      this.#make(level, 0x80 | pat | ((Math.floor(target / TWO_32) & 0xff) << 13), target % TWO_32);
      if (random.chance(this.#odds.reservedBit)) this.low ^= 1 << 21;
      return;
    }
    this.#make(level, 0x80 | pat, target);
    if (random.chance(2 * this.#odds.reservedBit)) this.low ^= 1 << random.between(13, level === 3 ? 29 : 20);
  }

  /** A PDPTE of PAE paging. TCG looks at few of its bits. */
  makePointer(target: number): void {
    this.low = target | (this.#random.uint32() & 0xffe) | this.#maybe(this.#odds.present, 1);
    this.high = Math.floor(target / TWO_32);
    this.#disturb(3);
  }

  #make(level: number, fixed: number, target: number): void {
    this.low = this.#flags() | fixed | target;
    if (this.#mode === '32-bit') {
      if (this.#random.chance(this.#odds.strayBit)) this.#flip(this.#random.below(32));
      return;
    }
    this.high = Math.floor(target / TWO_32) | this.#highFlags();
    this.#disturb(level);
  }

  /** P, R/W, U/S; PWT, PCD, A, D, G and the bits free to software as they fall. */
  #flags(): number {
    const { present, writable, user } = this.#odds;
    return this.#maybe(present, 1) | this.#maybe(writable, 2) | this.#maybe(user, 4) | (this.#random.uint32() & 0xf78);
  }

  /** The bits free to software, the key, and XD. In PAE entries all but the last are reserved. */
  #highFlags(): number {
    const random = this.#random;
    const free = this.#mode !== 'pae' && random.chance(50) ? random.uint32() & 0x7ff0_0000 : 0;
    return free | (random.chance(this.#odds.executeDisable) ? 0x8000_0000 : 0);
  }

  /** Any bit at all; one from MAXPHYADDR up to bit 51, reserved at any level; at the top levels bit 7 or 8. */
  #disturb(level: number): void {
    const random = this.#random;
    const { strayBit, reservedBit } = this.#odds;
    if (random.chance(strayBit)) this.#flip(random.below(64));
    if (this.#maxPhyAddr < 52 && random.chance(reservedBit)) this.#flip(random.between(this.#maxPhyAddr, 51));
    if (level >= 4 && random.chance(reservedBit)) this.#flip(random.between(7, 8));
  }

  #flip(bit: number): void {
    if (bit < 32) this.low ^= 1 << bit;
    else this.high ^= 1 << (bit - 32);
  }

  #maybe(percent: number, bits: number): number {
    return this.#random.chance(percent) ? bits : 0;
  }
}
