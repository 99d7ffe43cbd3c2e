import type { MappedRange } from '../../paging/index.ts';
import { formatRights } from '../words/format-rights.ts';

/** So many ranges of a kind are named, and the others counted. */
const MAX_NAMED = 16;
const UPPER_HALF = 1n << 63n;

/** How much is mapped in some way. @public */
export interface MappedAmount {
  readonly bytes: bigint;
  /** Pages by their size in bytes. */
  readonly leaves: Readonly<Record<number, number>>;
  readonly accessed: number;
  readonly dirty: number;
}

/** Ranges that look like a mistake. @public */
export interface NotableRanges {
  readonly count: number;
  readonly bytes: bigint;
  /** The first of them. */
  readonly first: readonly Pick<MappedRange, 'first' | 'last' | 'rights'>[];
}

interface Sum {
  bytes: bigint;
  leaves: Record<number, number>;
  accessed: number;
  dirty: number;
}

interface Notable {
  count: number;
  bytes: bigint;
  first: MappedRange[];
}

const emptySum = (): Sum => ({ bytes: 0n, leaves: {}, accessed: 0, dirty: 0 });
const emptyNotable = (): Notable => ({ count: 0, bytes: 0n, first: [] });

/**
 * Sums up a map, range by range: how much there is with which rights, and what looks like a mistake.
 *
 * @public
 */
export class MapSummary {
  readonly #byRights = new Map<string, Sum>();
  readonly #total = emptySum();
  readonly #writableExecutable = emptyNotable();
  readonly #userInUpperHalf = emptyNotable();

  add(range: MappedRange): void {
    const { rights, first } = range;
    const name = formatRights(rights);
    const sum = this.#byRights.get(name) ?? emptySum();
    this.#byRights.set(name, sum);
    addTo(sum, range);
    addTo(this.#total, range);
    if (rights.write && rights.exec) note(this.#writableExecutable, range);
    // Where kernels live by all conventions; in 32-bit modes there is none to go by.
    if (rights.user && first >= UPPER_HALF) note(this.#userInUpperHalf, range);
  }

  /** By `rwxu`, most rights first. */
  get byRights(): ReadonlyMap<string, MappedAmount> {
    return new Map([...this.#byRights].sort(([one], [other]) => (one < other ? 1 : -1)));
  }

  get total(): MappedAmount {
    return this.#total;
  }

  get writableExecutable(): NotableRanges {
    return this.#writableExecutable;
  }

  /** User-accessible pages among the kernel's addresses: the upper half, where the mode has one. */
  get userInUpperHalf(): NotableRanges {
    return this.#userInUpperHalf;
  }
}

function addTo(sum: Sum, { first, last, leaves, accessed, dirty }: MappedRange): void {
  sum.bytes += last - first + 1n;
  for (const [bytes, count] of Object.entries(leaves)) {
    sum.leaves[Number(bytes)] = (sum.leaves[Number(bytes)] ?? 0) + count;
  }
  sum.accessed += accessed;
  sum.dirty += dirty;
}

function note(notable: Notable, range: MappedRange): void {
  notable.count += 1;
  notable.bytes += range.last - range.first + 1n;
  if (notable.first.length < MAX_NAMED) notable.first.push(range);
}
