import type { MappedLeaf, Rights } from '../../paging/index.ts';
import { sameRights } from '../words/same-rights.ts';

/** How many characters a strip has at most: each stands for as many pages as the others. */
const MOST_CELLS = 64;

/** What a guest has done with a page in a round. */
const PAGE = { untouched: 0, touched: 1, written: 2 } as const;

/** Counts of pages that a guest has touched, in a round that it ran. @public */
export interface UsageCounts {
  readonly pages: number;
  /** Pages whose accessed bit was set. */
  readonly touched: number;
  /** Pages whose dirty bit was set, and was clear when the round began. */
  readonly written: number;
  /** Pages whose dirty bit was set when the round began: whether they were written is not known. */
  readonly dirtyBefore: number;
  readonly sizeBytes: bigint;
  readonly touchedBytes: bigint;
  readonly writtenBytes: bigint;
}

/** Pages in one piece, with the same rights. @public */
export interface UsageRange extends UsageCounts {
  readonly first: bigint;
  readonly last: bigint;
  readonly rights: Rights;
  /**
   * A character for each page or, in long ranges, for as many as the others: `.` untouched, `a` some and `A` all touched, `w` some
   * and `W` all written.
   */
  readonly strip: string;
}

/**
 * Sums up what pages were used for.
 *
 * @param leaves - in ascending order
 * @param wasDirty - the addresses of pages that were dirty when the round began
 * @public
 */
export function collectUsage(leaves: Iterable<MappedLeaf>, wasDirty: ReadonlySet<bigint>): UsageRange[] {
  const ranges: UsageRange[] = [];
  let open: OpenRange | undefined;
  for (const leaf of leaves) {
    if (open === undefined || !open.continuesWith(leaf)) {
      if (open !== undefined) ranges.push(open.close());
      open = new OpenRange(leaf);
    }
    open.add(leaf, wasDirty.has(leaf.address));
  }
  if (open !== undefined) ranges.push(open.close());
  return ranges;
}

/** @public */
export function totalUsage(ranges: readonly UsageCounts[]): UsageCounts {
  const total = { ...NOTHING };
  for (const range of ranges) addTo(total, range);
  return total;
}

type Counts = { -readonly [K in keyof UsageCounts]: UsageCounts[K] };

const NOTHING: UsageCounts = {
  ...{ pages: 0, touched: 0, written: 0, dirtyBefore: 0 },
  ...{ sizeBytes: 0n, touchedBytes: 0n, writtenBytes: 0n },
};

function addTo(total: Counts, more: UsageCounts): void {
  total.pages += more.pages;
  total.touched += more.touched;
  total.written += more.written;
  total.dirtyBefore += more.dirtyBefore;
  total.sizeBytes += more.sizeBytes;
  total.touchedBytes += more.touchedBytes;
  total.writtenBytes += more.writtenBytes;
}

class OpenRange {
  readonly #first: MappedLeaf;
  readonly #counts: Counts = { ...NOTHING };
  readonly #pages: number[] = [];

  constructor(first: MappedLeaf) {
    this.#first = first;
  }

  /** Pages of one size: each character of the strip then stands for as much memory. */
  continuesWith({ address, sizeBytes, rights }: MappedLeaf): boolean {
    return (
      address === this.#first.address + this.#counts.sizeBytes &&
      sizeBytes === this.#first.sizeBytes &&
      sameRights(rights, this.#first.rights)
    );
  }

  add({ accessed, dirty, sizeBytes }: MappedLeaf, wasDirty: boolean): void {
    const isWritten = dirty && !wasDirty;
    const size = BigInt(sizeBytes);
    addTo(this.#counts, {
      pages: 1,
      touched: Number(accessed),
      written: Number(isWritten),
      dirtyBefore: Number(wasDirty),
      sizeBytes: size,
      touchedBytes: accessed ? size : 0n,
      writtenBytes: isWritten ? size : 0n,
    });
    this.#pages.push(isWritten ? PAGE.written : accessed ? PAGE.touched : PAGE.untouched);
  }

  close(): UsageRange {
    const { address: first, rights } = this.#first;
    const last = first + this.#counts.sizeBytes - 1n;
    return { first, last, rights, ...this.#counts, strip: stripOf(this.#pages) };
  }
}

function stripOf(pages: readonly number[]): string {
  const perCell = Math.ceil(pages.length / MOST_CELLS);
  let strip = '';
  for (let at = 0; at < pages.length; at += perCell) strip += cellOf(pages.slice(at, at + perCell));
  return strip;
}

function cellOf(pages: readonly number[]): string {
  const touched = pages.filter((page) => page !== PAGE.untouched).length;
  const written = pages.filter((page) => page === PAGE.written).length;
  if (written > 0) return written === pages.length ? 'W' : 'w';
  if (touched > 0) return touched === pages.length ? 'A' : 'a';
  return '.';
}
