import { type PagingContext, StructureCache, Walk } from '../paging/index.ts';
import type { PageCache } from './page-cache.ts';

/** The questions of a batch, side by side. @internal */
export interface WalkColumns {
  /** Linear addresses as little-endian 64-bit numbers: halves at 2n and 2n + 1. */
  readonly halves: Int32Array;
  /** ACCESS bits of each. */
  readonly accesses: Uint16Array;
}

/** @param addresses - the questions see what it holds, and not a copy @internal */
export function halvesOf(addresses: BigUint64Array | BigInt64Array): Int32Array {
  return new Int32Array(addresses.buffer, addresses.byteOffset, addresses.length * 2);
}

/**
 * Addresses that may be walked together. Even if no two share a table, five levels of tables fit the cache; of more, some would
 * be gone before they are used.
 *
 * @internal
 */
export const WALKED_TOGETHER = 16_384;

const PAGE_BYTES = 4096;

/**
 * Walks any number of addresses together: as many flights as the tables have levels, each page of tables fetched once, and not
 * one allocation for a walk. First the tables are fetched by few walks, one for each table of the last level; all others then
 * have theirs at hand. A walk that lacks a page is started over when the page is there, which costs less than keeping its
 * state would.
 *
 * @param done - called for each address with its finished walk, which is good only during the call; in no particular order
 * @internal
 */
export async function walkMany(
  context: PagingContext,
  questions: WalkColumns,
  cache: PageCache,
  done: Done,
): Promise<void> {
  const stepper = new Stepper(context, questions, cache);
  let open = onePerLastTable(context, questions);
  while (open.length > 0) open = await stepper.advanceSome(open, () => {});
  open = await stepper.advanceAll(done);
  while (open.length > 0) open = await stepper.advanceSome(open, done);
}

/** Slots for tables that were seen; tables that share a slot cost a walk too many. A power of two. */
const SEEN_SLOTS = 1024;

/** Indices of addresses that between them need every table that any of them needs; some tables may be needed by several. */
function onePerLastTable({ levels }: PagingContext, { halves }: WalkColumns): readonly number[] {
  const last = levels.at(-1);
  if (last === undefined) return [];
  const shift = last.shift + 32 - Math.clz32(last.indexMask);
  const seenHighs = new Int32Array(SEEN_SLOTS);
  const seenLows = new Int32Array(SEEN_SLOTS).fill(-1);
  const chosen: number[] = [];
  for (let at = 0; at < halves.length; at += 2) {
    const low = (halves[at] as number) >>> shift;
    const high = halves[at + 1] as number;
    const slot = (low ^ (high << 4)) & (SEEN_SLOTS - 1);
    if (seenLows[slot] === low && seenHighs[slot] === high) continue;
    seenLows[slot] = low;
    seenHighs[slot] = high;
    chosen.push(at / 2);
  }
  return chosen;
}

type Done = (index: number, walk: Walk) => void;

/** Takes one walk after the other as far as the fetched pages reach. */
class Stepper {
  readonly #walk: Walk;
  readonly #questions: WalkColumns;
  readonly #cache: PageCache;
  readonly #structures: StructureCache;
  /** The pages of the tables that `#structures` has numbers for. */
  readonly #tables: (Int32Array | null | undefined)[] = [];

  constructor(context: PagingContext, questions: WalkColumns, cache: PageCache) {
    this.#walk = new Walk(context);
    this.#questions = questions;
    this.#cache = cache;
    this.#structures = new StructureCache(context);
  }

  /** @returns the addresses whose walks lacked a page that now is there */
  async advanceAll(done: Done): Promise<readonly number[]> {
    const left: number[] = [];
    const missing = new Set<number>();
    const count = this.#questions.accesses.length;
    for (let index = 0; index < count; index += 1) this.#advanceOne(index, done, left, missing);
    if (missing.size > 0) await this.#cache.load(missing);
    return left;
  }

  /** The same for some addresses, by their indices. */
  async advanceSome(indices: readonly number[], done: Done): Promise<readonly number[]> {
    const left: number[] = [];
    const missing = new Set<number>();
    for (const index of indices) this.#advanceOne(index, done, left, missing);
    if (missing.size > 0) await this.#cache.load(missing);
    return left;
  }

  #advanceOne(index: number, done: Done, left: number[], missing: Set<number>): void {
    const page = this.#advance(index);
    if (page < 0) {
      done(index, this.#walk);
    } else {
      left.push(index);
      missing.add(page);
    }
  }

  /** @returns the page that the walk lacks; -1 when it has ended */
  #advance(index: number): number {
    const { halves, accesses } = this.#questions;
    const walk = this.#walk;
    let wants = walk.start(halves[index * 2 + 1] as number, halves[index * 2] as number, accesses[index] as number);
    if (!wants) return -1;
    const known = this.#structures.skip(walk);
    let words = known < 0 ? undefined : this.#tables[known];
    while (wants) {
      const { wanted, wantedSize } = walk;
      if (words === undefined) {
        const page = Math.floor(wanted / PAGE_BYTES);
        words = this.#cache.words(page);
        if (words === undefined) return page;
        const number = this.#structures.keep(walk);
        if (number >= 0) this.#tables[number] = words;
      }
      if (words === null || !this.#cache.holds(wanted, wantedSize)) {
        walk.feedUnbacked();
        return -1;
      }
      const at = (wanted & (PAGE_BYTES - 1)) >> 2;
      wants = walk.feed(words[at] as number, wantedSize === 8 ? (words[at + 1] as number) : 0);
      words = undefined;
    }
    return -1;
  }
}
