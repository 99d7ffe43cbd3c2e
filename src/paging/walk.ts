import { ENTRY_P, ENTRY_RW, ENTRY_US } from './architecture.ts';
import type { PagingContext } from './context.ts';
import type { Level } from './levels.ts';
import { judge } from './rights.ts';

/** How a walk stands or ended. @internal */
export const OUTCOME = {
  pending: 0,
  mapped: 1,
  notPresent: 2,
  reserved: 3,
  denied: 4,
  nonCanonical: 5,
  outOfRange: 6,
  unbacked: 7,
} as const;

/** @internal */
export type Outcome = (typeof OUTCOME)[keyof typeof OUTCOME];

const TWO_32 = 0x1_0000_0000;
const TABLE_LOW = 0xffff_f000 | 0;
const ALL_RIGHTS = ENTRY_RW | ENTRY_US;
const MAX_LEVELS = 5;

/**
 * One walk: a state machine that names the physical address of the entry it wants, is fed that entry, and ends in an outcome.
 * It does no I/O and allocates nothing after construction, so that one object serves any number of walks, one after the
 * other, whoever fetches the entries: a buffer, a batch over a wire, an outer walk.
 *
 * ```
 *   start ──► pending ──feed──► pending ──feed──► … ──► mapped | notPresent | reserved | denied
 *     │          └──feedUnbacked──► unbacked
 *     └──► mapped (paging off) | nonCanonical | outOfRange
 * ```
 *
 * @internal
 */
export class Walk {
  readonly context: PagingContext;
  outcome: Outcome = OUTCOME.pending;
  /** Physical address of the entry that the walk waits for; meaningful while pending and, after `feedUnbacked`, the culprit's. */
  wanted = 0;
  /** How many entries were fed. */
  depth = 0;
  linearHigh = 0;
  linearLow = 0;
  access = 0;
  /** R/W and U/S, ANDed over the entries fed. */
  rights = ALL_RIGHTS;
  /** XD in force in any entry fed. */
  executeDisabled = 0;
  /** DENIED bits. */
  denied = 0;
  /** Where a mapped walk leads. */
  physical = 0;
  readonly addresses = new Float64Array(MAX_LEVELS);
  readonly lows = new Int32Array(MAX_LEVELS);
  readonly highs = new Int32Array(MAX_LEVELS);

  constructor(context: PagingContext) {
    this.context = context;
  }

  /** The level that the next entry belongs to, or the last one fed when the walk has ended on it. */
  levelAt(depth: number): Level {
    const level = this.context.levels[depth];
    if (level === undefined) throw new RangeError(`a ${this.context.mode} walk has no entry ${depth}`);
    return level;
  }

  /** @returns whether an entry is wanted */
  start(linearHigh: number, linearLow: number, access: number): boolean {
    const { levels, linearBits, rootAddress } = this.context;
    this.linearHigh = linearHigh;
    this.linearLow = linearLow;
    this.access = access;
    this.depth = 0;
    this.rights = ALL_RIGHTS;
    this.executeDisabled = 0;
    this.denied = 0;
    this.outcome = addressOutcome(linearBits, linearHigh, this.context.profile.checksCanonical);
    if (this.outcome !== OUTCOME.pending) return false;
    const root = levels[0];
    if (root === undefined) {
      this.physical = linearLow >>> 0;
      this.outcome = OUTCOME.mapped;
      return false;
    }
    this.wanted = rootAddress + indexOf(root, linearHigh, linearLow) * root.entrySize;
    return true;
  }

  /**
   * Takes the entry at `wanted`. The order of the checks is the processor's: present, reserved, then downwards; rights are
   * judged at the leaf alone, so that what is wrong further down outranks a denial further up. SDM vol. 3A, 4.7.
   *
   * @param low - bits 31:0
   * @param high - bits 63:32; 0 for 4-byte entries
   * @returns whether another entry is wanted
   */
  feed(low: number, high: number): boolean {
    const depth = this.depth;
    const level = this.levelAt(depth);
    this.addresses[depth] = this.wanted;
    this.lows[depth] = low;
    this.highs[depth] = high;
    this.depth = depth + 1;
    if ((low & ENTRY_P) === 0) return this.end(OUTCOME.notPresent);
    const isLeaf = (low & level.leafBit) !== 0;
    if (
      isLeaf
        ? (low & level.leafReservedLow) | (high & level.leafReservedHigh)
        : (low & level.tableReservedLow) | (high & level.tableReservedHigh)
    ) {
      return this.end(OUTCOME.reserved);
    }
    this.rights &= low | level.impliedRights;
    this.executeDisabled |= high & this.context.policy.executeDisableHigh;
    if (isLeaf) return this.finish(level, low, high);
    const next = this.levelAt(depth + 1);
    this.wanted =
      (high & level.addressHigh) * TWO_32 +
      ((low & TABLE_LOW) >>> 0) +
      indexOf(next, this.linearHigh, this.linearLow) * next.entrySize;
    return true;
  }

  /** No memory holds the entry at `wanted`. */
  feedUnbacked(): void {
    this.end(OUTCOME.unbacked);
  }

  private end(outcome: Outcome): false {
    this.outcome = outcome;
    return false;
  }

  private finish(level: Level, low: number, high: number): false {
    this.denied = judge(this.context.policy, this.rights, this.executeDisabled, high, this.access);
    const baseHigh = (high & level.addressHigh) | ((low >>> 13) & level.leafHighFromLow);
    const baseLow = low & level.leafAddressLow;
    this.physical = baseHigh * TWO_32 + ((baseLow | (this.linearLow & ~level.leafAddressLow)) >>> 0);
    return this.end(this.denied === 0 ? OUTCOME.mapped : OUTCOME.denied);
  }
}

/** Bits above the width of a linear address must repeat its highest bit; outside long mode they must be 0. SDM vol. 1, 3.3.7.1. */
function addressOutcome(linearBits: number, linearHigh: number, checksCanonical: boolean): Outcome {
  if (linearBits === 32) return linearHigh === 0 ? OUTCOME.pending : OUTCOME.outOfRange;
  if (!checksCanonical) return OUTCOME.pending;
  const top = linearHigh >> (linearBits - 33);
  return top === 0 || top === -1 ? OUTCOME.pending : OUTCOME.nonCanonical;
}

/** The index that a linear address has in a level's table; a level's bits may straddle the halves. */
function indexOf(level: Level, linearHigh: number, linearLow: number): number {
  const { shift, indexMask } = level;
  if (shift >= 32) return (linearHigh >>> (shift - 32)) & indexMask;
  return ((linearLow >>> shift) | (linearHigh << (32 - shift))) & indexMask;
}
