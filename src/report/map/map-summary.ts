import type { MappedRun } from '../../paging/index.ts';
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
  readonly first: readonly Pick<MappedRun, 'first' | 'last' | 'rights'>[];
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
  first: MappedRun[];
}

const emptySum = (): Sum => ({ bytes: 0n, leaves: {}, accessed: 0, dirty: 0 });
const emptyNotable = (): Notable => ({ count: 0, bytes: 0n, first: [] });

/**
 * Sums up a map, run by run: how much there is with which rights, and what looks like a mistake.
 *
 * @public
 */
export class MapSummary {
  readonly #byRights = new Map<string, Sum>();
  readonly #total = emptySum();
  readonly #writableExecutable = emptyNotable();
  readonly #userInUpperHalf = emptyNotable();

  add(run: MappedRun): void {
    const { rights, first } = run;
    const name = formatRights(rights);
    const sum = this.#byRights.get(name) ?? emptySum();
    this.#byRights.set(name, sum);
    addTo(sum, run);
    addTo(this.#total, run);
    if (rights.write && rights.exec) note(this.#writableExecutable, run);
    // Where kernels live by all conventions; in 32-bit modes there is none to go by.
    if (rights.user && first >= UPPER_HALF) note(this.#userInUpperHalf, run);
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

function addTo(sum: Sum, { first, last, leaves, accessed, dirty }: MappedRun): void {
  sum.bytes += last - first + 1n;
  for (const [bytes, count] of Object.entries(leaves)) {
    sum.leaves[Number(bytes)] = (sum.leaves[Number(bytes)] ?? 0) + count;
  }
  sum.accessed += accessed;
  sum.dirty += dirty;
}

function note(notable: Notable, run: MappedRun): void {
  notable.count += 1;
  notable.bytes += run.last - run.first + 1n;
  if (notable.first.length < MAX_NAMED) notable.first.push(run);
}
