import type { Random } from '../../../support/random/random.ts';
import { EntryBits, type EntryOdds } from '../../processor-rig/entry-bits.ts';
import type { PagedMode } from '../../processor-rig/paged-mode.ts';

const TWO_32 = 0x1_0000_0000;

/** Makes random entries of one format: mostly ones that work, here and there with each thing that does not. */
export class RandomEntry {
  readonly #random: Random;
  readonly #mode: PagedMode;
  readonly #odds: EntryOdds;
  readonly #bits: EntryBits;

  constructor(random: Random, mode: PagedMode, maxPhyAddr: number, odds: EntryOdds) {
    this.#random = random;
    this.#mode = mode;
    this.#odds = odds;
    this.#bits = new EntryBits(random, maxPhyAddr, odds);
  }

  get low(): number {
    return this.#bits.low;
  }

  /** Zero in a format of 4-byte entries. */
  get high(): number {
    return this.#bits.high;
  }

  /** An entry that leads to a table, or at level 1 to a page. */
  makeSmall(level: number, target: number): void {
    const bits = this.#bits;
    const bit7 = level === 1 ? bits.maybe(50, 0x80) : this.#mode === '32-bit' ? bits.maybe(3, 0x80) : 0;
    this.#make(level, bit7, target);
  }

  /** An entry that maps a large page: 4 MiB, or 2 MiB at level 2 and 1 GiB at level 3. */
  makeLarge(level: number, target: number): void {
    const random = this.#random;
    const pat = this.#bits.maybe(50, 0x1000);
    if (this.#mode === '32-bit') {
      this.#make(level, 0x80 | pat | ((Math.floor(target / TWO_32) & 0xff) << 13), target % TWO_32);
      if (random.chance(this.#odds.reservedBit)) this.#bits.flip(21);
      return;
    }
    this.#make(level, 0x80 | pat, target);
    if (random.chance(2 * this.#odds.reservedBit)) this.#bits.flip(random.between(13, level === 3 ? 29 : 20));
  }

  /** A PDPTE of PAE paging. TCG looks at few of its bits. */
  makePointer(target: number): void {
    const bits = this.#bits;
    bits.low = target | (this.#random.uint32() & 0xffe) | bits.maybe(this.#odds.present, 1);
    bits.high = Math.floor(target / TWO_32);
    bits.disturb64(3);
  }

  #make(level: number, fixed: number, target: number): void {
    const bits = this.#bits;
    bits.low = bits.flags() | fixed | target;
    if (this.#mode === '32-bit') {
      bits.disturb32();
      return;
    }
    bits.high = Math.floor(target / TWO_32) | this.#highFlags();
    bits.disturb64(level);
  }

  /** The bits free to software, the key, and XD. In PAE entries all but the last are reserved. */
  #highFlags(): number {
    const random = this.#random;
    const free = this.#mode !== 'pae' && random.chance(50) ? random.uint32() & 0x7ff0_0000 : 0;
    return free | this.#bits.executeDisable();
  }
}
