import type { PagingContext } from './context.ts';
import { ENTRY, entryKindOf, leafPageOf, tablePageOf } from './entry-kind.ts';
import type { Level } from './levels.ts';
import { isCanonical, isInRange, untagHigh, violatesSeparation } from './linear-address.ts';
import type { PageRights } from './rights.ts';

/** How a walk stands or ended. @public */
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

/** @public */
export type Outcome = (typeof OUTCOME)[keyof typeof OUTCOME];

const TWO_32 = 0x1_0000_0000;
const PAGE_BYTES = 4096;
const MAX_LEVELS = 5;

/**
 * One walk: a state machine that names the physical address of the entry it wants, is fed that entry, and ends in an outcome.
 * It does no I/O and allocates nothing after construction, so that one object serves any number of walks, one after the
 * other, whoever fetches the entries: a buffer, a batch over a wire, an outer walk.
 *
 * ```
 *   start ──► pending ──feed──► pending ──feed──► … ──► mapped | notPresent | reserved | denied
 *     │          └──feedUnbacked──► unbacked
 *     └──► mapped (paging off) | nonCanonical | outOfRange | separated
 * ```
 *
 * @public
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
  readonly addresses = new Float64Array(MAX_LEVELS);
  readonly lows = new Int32Array(MAX_LEVELS);
  readonly highs = new Int32Array(MAX_LEVELS);

  constructor(context: PagingContext) {
    this.context = context;
  }

  /** The level that the entry of a depth belongs to; the root's is 0. */
  levelAt(depth: number): Level {
    const level = this.context.levels[depth];
    if (level === undefined) throw new RangeError(`a ${this.context.mode} walk has no entry ${depth}`);
    return level;
  }

  /** Bytes of the entry that is wanted. */
  get wantedSize(): 4 | 8 {
    return this.levelAt(this.depth).entrySize;
  }

  /** Whether an entry is wanted. */
  get isPending(): boolean {
    return this.outcome === OUTCOME.pending;
  }

  /** @returns whether an entry is wanted */
  start(high: number, low: number, access: number): boolean {
    const { linearAddress: rules, levels, rootAddress, latched } = this.context;
    this.givenHigh = high;
    this.linearHigh = rules.takesTags ? untagHigh(rules, high, access) : high;
    this.linearLow = low;
    this.access = access;
    this.depth = 0;
    this.rights = this.context.rules.initialRights;
    this.executeDisabled = 0;
    this.denied = 0;
    this.outcome = this.addressOutcome();
    if (this.outcome !== OUTCOME.pending) return false;
    const root = levels[0];
    if (root === undefined) {
      // Above 32 bits only a second stage without paging has anything.
      this.physical = this.onBus((high >>> 0) * TWO_32 + (low >>> 0));
      return this.end(OUTCOME.mapped);
    }
    const index = indexOf(root, this.linearHigh, low);
    this.wanted = this.onBus(rootAddress + index * root.entrySize);
    return latched ? this.feed(latched.lows[index] ?? 0, latched.highs[index] ?? 0) : true;
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
    const kind = entryKindOf(level, low, high);
    if (kind === ENTRY.absent) return this.end(OUTCOME.notPresent);
    if (kind === ENTRY.reserved) return this.end(OUTCOME.reserved);
    this.executeDisabled |= high & this.context.policy.executeDisableHigh;
    if (kind === ENTRY.leaf) return this.finish(level, low, high);
    this.rights &= low | level.impliedRights;
    const next = this.levelAt(depth + 1);
    const table = tablePageOf(level, low, high) * PAGE_BYTES;
    this.wanted = this.onBus(table + indexOf(next, this.linearHigh, this.linearLow) * next.entrySize);
    return true;
  }

  /**
   * Goes on at a table that a walk by the same way came to before.
   *
   * @param depth - how many entries lead there
   * @param table - its physical address
   */
  goOnAt(depth: number, table: number, rights: number, executeDisabled: number): void {
    const level = this.levelAt(depth);
    this.depth = depth;
    this.rights = rights;
    this.executeDisabled = executeDisabled;
    this.wanted = table + indexOf(level, this.linearHigh, this.linearLow) * level.entrySize;
  }

  /** No memory holds the entry at `wanted`. */
  feedUnbacked(): void {
    this.end(OUTCOME.unbacked);
  }

  private addressOutcome(): Outcome {
    const { linearAddress: rules, policy } = this.context;
    if (rules.isUnsigned) return isInRange(rules, this.linearHigh) ? OUTCOME.pending : OUTCOME.outOfRange;
    if (!isCanonical(rules, this.linearHigh)) return OUTCOME.nonCanonical;
    return violatesSeparation(rules, policy, this.linearHigh, this.access) ? OUTCOME.separated : OUTCOME.pending;
  }

  /** With A20 masked every physical address has bit 20 clear, those of tables too. */
  private onBus(address: number): number {
    const { a20Masked } = this.context;
    return address & a20Masked ? address - a20Masked : address;
  }

  private end(outcome: Outcome): false {
    this.outcome = outcome;
    return false;
  }

  private finish(level: Level, low: number, high: number): false {
    this.rightsAboveLeaf = this.rights;
    this.rights &= low;
    this.leafLow = low;
    this.leafHigh = high;
    this.denied = this.context.rules.judge(this.context.policy, this, this.access);
    const offset = (this.linearLow & ~level.leafAddressLow) >>> 0;
    this.physical = this.onBus(leafPageOf(level, low, high) * PAGE_BYTES + offset);
    return this.end(this.denied === 0 ? OUTCOME.mapped : OUTCOME.denied);
  }
}

/** The index that a linear address has in a level's table; a level's bits may straddle the halves. */
function indexOf(level: Level, linearHigh: number, linearLow: number): number {
  const { shift, indexMask } = level;
  if (shift >= 32) return (linearHigh >>> (shift - 32)) & indexMask;
  return ((linearLow >>> shift) | (linearHigh << (32 - shift))) & indexMask;
}
