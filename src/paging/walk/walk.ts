import type { PagingContext } from '../rules/context.ts';
import { ENTRY, entryKindOf, leafPageOf, tablePageOf } from '../rules/entry-kind.ts';
import type { Level } from '../rules/levels.ts';
import { isCanonical, isInRange, untagHigh, violatesSeparation } from '../rules/linear-address.ts';
import type { PageRights } from '../rules/rights.ts';
import { Trail } from './trail.ts';

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
  separated: 8,
} as const;

/** @internal */
export type Outcome = (typeof OUTCOME)[keyof typeof OUTCOME];

const TWO_32 = 0x1_0000_0000;
const PAGE_BYTES = 4096;
const MAX_LEVELS = 5;

/**
 * One walk: a state machine that names the physical address of the entry it wants, is fed that entry, and ends in an outcome.
 * It does no I/O and allocates nothing after construction, so that one object serves any number of walks, one after the
 * other, wherever its entries come from: a buffer, a batch over a wire, an outer walk.
 *
 * ```
 *   start ──► pending ──feed──► pending ──feed──► … ──► mapped | notPresent | reserved | denied
 *     │          └──feedUnbacked──► unbacked
 *     └──► mapped (paging off) | nonCanonical | outOfRange | separated
 * ```
 *
 * @internal
 */
export class Walk implements PageRights {
  readonly context: PagingContext;
  outcome: Outcome = OUTCOME.pending;
  /** Physical address of the entry that the walk waits for; meaningful while pending and, after `feedUnbacked`, the culprit's. */
  wanted = 0;
  /** How many entries were fed. */
  depth = 0;
  /** The address as it was given. */
  givenHigh = 0;
  /** The address as it is looked up, without a tag. */
  linearHigh = 0;
  linearLow = 0;
  access = 0;
  rights = 0;
  rightsAboveLeaf = 0;
  executeDisabled = 0;
  leafLow = 0;
  leafHigh = 0;
  /** DENIED bits. */
  denied = 0;
  /** Where a walk that reached a leaf leads. */
  physical = 0;
  readonly #trail = new Trail(MAX_LEVELS);
  /** The entries above `#aboveDepth` are not in this walk's trail, but here from `#aboveAt` on. */
  #above = this.#trail;
  #aboveAt = 0;
  #aboveDepth = 0;

  constructor(context: PagingContext) {
    this.context = context;
  }

  /** Physical address of the entry that was fed at a depth; the root's is 0. Follows from the entry above, so it is not kept. */
  addressAt(depth: number): number {
    const level = this.levelAt(depth);
    const above = this.context.levels[depth - 1];
    const table =
      above === undefined
        ? this.context.rootAddress
        : tablePageOf(above, this.lowAt(depth - 1), this.highAt(depth - 1)) * PAGE_BYTES;
    return this.#entryAddress(level, table);
  }

  /** Bits 31:0 of that entry. */
  lowAt(depth: number): number {
    const isAbove = depth < this.#aboveDepth;
    return (isAbove ? this.#above.lows[this.#aboveAt + depth] : this.#trail.lows[depth]) ?? 0;
  }

  /** Bits 63:32 of that entry; 0 for 4-byte entries. */
  highAt(depth: number): number {
    const isAbove = depth < this.#aboveDepth;
    return (isAbove ? this.#above.highs[this.#aboveAt + depth] : this.#trail.highs[depth]) ?? 0;
  }

  /** The level that the entry of a depth belongs to; the root's is 0. */
  levelAt(depth: number): Level {
    const level = this.context.levels[depth];
    if (level === undefined) throw new RangeError(`a ${this.context.mode} walk has no entry ${depth}`);
    return level;
  }

  /** Bytes of the entry that is wanted. */
  get wantedSizeBytes(): 4 | 8 {
    return this.levelAt(this.depth).entrySizeBytes;
  }

  /** Whether an entry is wanted. */
  get isPending(): boolean {
    return this.outcome === OUTCOME.pending;
  }

  /** @returns whether an entry is wanted */
  start(high: number, low: number, access: number): boolean {
    const rules = this.context.linearAddress;
    this.givenHigh = high;
    this.linearHigh = rules.takesTags ? untagHigh(rules, high, access) : high;
    this.linearLow = low;
    this.access = access;
    this.depth = 0;
    this.#aboveDepth = 0;
    this.rights = this.context.rules.initialRights;
    this.executeDisabled = 0;
    this.denied = 0;
    this.outcome = this.#addressOutcome();
    if (this.outcome !== OUTCOME.pending) return false;
    const root = this.context.levels[0];
    if (root === undefined) {
      // Above 32 bits only a second stage without paging has anything.
      this.physical = this.#onBus((high >>> 0) * TWO_32 + (low >>> 0));
      return this.#end(OUTCOME.mapped);
    }
    const { rootAddress, latched } = this.context;
    this.wanted = this.#entryAddress(root, rootAddress);
    if (latched === null) return true;
    const index = indexOf(root, this.linearHigh, low);
    return this.feed(latched.lows[index] ?? 0, latched.highs[index] ?? 0);
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
    const { depth } = this;
    const level = this.levelAt(depth);
    const { lows, highs } = this.#trail;
    lows[depth] = low;
    highs[depth] = high;
    this.depth = depth + 1;
    const kind = entryKindOf(level, low, high);
    if (kind === ENTRY.absent) return this.#end(OUTCOME.notPresent);
    if (kind === ENTRY.reserved) return this.#end(OUTCOME.reserved);
    this.executeDisabled |= high & this.context.policy.executeDisableHigh;
    if (kind === ENTRY.leaf) return this.#finish(level, low, high);
    this.rights &= low | level.impliedRights;
    this.wanted = this.#entryAddress(this.levelAt(depth + 1), tablePageOf(level, low, high) * PAGE_BYTES);
    return true;
  }

  /**
   * Goes on at a table that a walk by the same way came to before.
   *
   * @param depth - how many entries lead there
   * @param table - its physical address
   * @param above - has these entries from `aboveAt` on, and must keep them until the next `start`
   */
  goOnAt(depth: number, table: number, rights: number, executeDisabled: number, above: Trail, aboveAt: number): void {
    const level = this.levelAt(depth);
    this.depth = depth;
    this.rights = rights;
    this.executeDisabled = executeDisabled;
    this.#above = above;
    this.#aboveAt = aboveAt;
    this.#aboveDepth = depth;
    this.wanted = this.#entryAddress(level, table);
  }

  /** No memory holds the entry at `wanted`. */
  feedUnbacked(): void {
    this.#end(OUTCOME.unbacked);
  }

  #addressOutcome(): Outcome {
    const rules = this.context.linearAddress;
    if (rules.isUnsigned) return isInRange(rules, this.linearHigh) ? OUTCOME.pending : OUTCOME.outOfRange;
    if (rules.isCompatibility && this.linearHigh !== 0) return OUTCOME.outOfRange;
    if (!isCanonical(rules, this.linearHigh)) return OUTCOME.nonCanonical;
    return violatesSeparation(rules, this.context.policy, this.linearHigh, this.access)
      ? OUTCOME.separated
      : OUTCOME.pending;
  }

  #entryAddress(level: Level, table: number): number {
    return this.#onBus(table + indexOf(level, this.linearHigh, this.linearLow) * level.entrySizeBytes);
  }

  /** With A20 masked every physical address has bit 20 clear, those of tables too. */
  #onBus(address: number): number {
    const { a20Masked } = this.context;
    return a20Masked !== 0 && (address & a20Masked) !== 0 ? address - a20Masked : address;
  }

  #end(outcome: Outcome): false {
    this.outcome = outcome;
    return false;
  }

  #finish(level: Level, low: number, high: number): false {
    this.rightsAboveLeaf = this.rights;
    this.rights &= low;
    this.leafLow = low;
    this.leafHigh = high;
    this.denied = this.context.rules.judge(this.context.policy, this, this.access);
    const offset = (this.linearLow & ~level.leafAddressLow) >>> 0;
    this.physical = this.#onBus(leafPageOf(level, low, high) * PAGE_BYTES + offset);
    return this.#end(this.denied === 0 ? OUTCOME.mapped : OUTCOME.denied);
  }
}

/** The index that a linear address has in a level's table; a level's bits may straddle the halves. */
function indexOf(level: Level, linearHigh: number, linearLow: number): number {
  const { shift, indexMask } = level;
  if (shift >= 32) return (linearHigh >>> (shift - 32)) & indexMask;
  return ((linearLow >>> shift) | (linearHigh << (32 - shift))) & indexMask;
}
