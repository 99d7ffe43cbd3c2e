import {
  type EnumerateOptions,
  encodeAccess,
  enumerateRanges,
  feedFromPage,
  linearPageOf,
  type MappedRange,
  OUTCOME,
  type PagingContext,
  Walk,
} from '../../paging/internal.ts';
import { word } from './little-endian.ts';
import type { PageFeed } from './page-feed.ts';

/** A piece of linear memory. @internal */
export interface LinearPiece {
  readonly address: bigint;
  readonly lengthBytes: number;
}

const PAGE_BYTES = 4096;
const READ = encodeAccess({ write: false, user: false, exec: false });
/** More ranges than any kernel's gigabyte has: corrupt tables can hold a range for each page. */
const MAX_RANGES = 65_536;

/** So much memory is asked for at once, 64 MiB: of foreign lists each element may lie in pages of its own. */
const MOST_PAGES_AT_ONCE = 16_384;
/** So many structures are decoded at once. */
const MOST_STRUCTURES_AT_ONCE = 4096;

/** Where a piece lies in physical memory: a list of parts, or null where a page of it is not mapped. */
type Placed = readonly PhysicalPart[] | null;

interface PhysicalPart {
  readonly physical: number;
  readonly at: number;
  readonly lengthBytes: number;
}

/**
 * One address space of a guest, read by linear addresses. Rights do not count: the kernel reads what it has mapped.
 *
 * @internal
 */
export class AddressSpace {
  readonly context: PagingContext;
  readonly #feed: PageFeed;
  readonly #walk: Walk;

  constructor(context: PagingContext, feed: PageFeed) {
    this.context = context;
    this.#feed = feed;
    this.#walk = new Walk(context);
  }

  /** @returns null where a page is not mapped, or leads to no memory */
  async read(address: bigint, lengthBytes: number): Promise<Uint8Array | null> {
    const [bytes = null] = await this.readMany([{ address, lengthBytes }]);
    return bytes;
  }

  /**
   * Reads pieces together: as many flights as the tables have levels, and one for what they hold.
   *
   * @returns for each piece its bytes, or null where a page of it is not mapped, or leads to no memory
   */
  async readMany(pieces: readonly LinearPiece[]): Promise<(Uint8Array | null)[]> {
    const read: (Uint8Array | null)[] = [];
    for (const some of partsOf(pieces)) {
      const placed = await this.#loadPlaced(some);
      for (const [at, parts] of placed.entries()) {
        read.push(parts === null ? null : this.#copy(parts, some[at]?.lengthBytes ?? 0));
      }
    }
    return read;
  }

  /** Has the pages of pieces at hand for what is read next, as many of them as are kept. */
  async load(pieces: readonly LinearPiece[]): Promise<void> {
    for (const some of partsOf(pieces)) await this.#loadPlaced(some);
  }

  /**
   * Words of structures, at the same offsets in each. However far apart these are, no more than the words is held.
   *
   * @returns for each structure its words, or null where one of them is not mapped
   */
  async readWords(
    addresses: readonly bigint[],
    offsets: readonly number[],
    wordBytes: 4 | 8,
  ): Promise<(readonly bigint[] | null)[]> {
    const structures: (readonly bigint[] | null)[] = [];
    for (let from = 0; from < addresses.length; from += MOST_STRUCTURES_AT_ONCE) {
      const some = addresses.slice(from, from + MOST_STRUCTURES_AT_ONCE);
      const pieces = some.flatMap((address) =>
        offsets.map((offset) => ({ address: address + BigInt(offset), lengthBytes: wordBytes })),
      );
      const placed = await this.#loadPlaced(pieces);
      for (let at = 0; at < placed.length; at += offsets.length) {
        const words = placed.slice(at, at + offsets.length).map((parts) => this.#wordAt(parts, wordBytes));
        structures.push(words.every((each) => each !== null) ? words : null);
      }
    }
    return structures;
  }

  /** Where a linear address leads; null where it is not mapped. */
  async physicalOf(address: bigint): Promise<number | null> {
    const [physical = null] = await this.physicalOfMany([address]);
    return physical;
  }

  /** Where linear addresses lead, all together; null where one is not mapped, or null itself. */
  async physicalOfMany(addresses: readonly (bigint | null)[]): Promise<(number | null)[]> {
    const placed = await this.#placeAll(
      addresses.map((address) => ({ address: address ?? 0n, lengthBytes: address === null ? 0 : 1 })),
    );
    return placed.map((parts) => parts?.[0]?.physical ?? null);
  }

  /** The ranges of pages with the same rights between two addresses, both inclusive. */
  async ranges(first: bigint, last: bigint): Promise<MappedRange[]> {
    const options: EnumerateOptions = {
      firstPage: linearPageOf(this.context, first),
      lastPage: linearPageOf(this.context, last),
    };
    for (const _ of [0, ...this.context.levels]) {
      const missing = new Set<number>();
      const ranges: MappedRange[] = [];
      const pageOf = (page: number): Int32Array | null => {
        const words = this.#feed.words(page);
        if (words === undefined) missing.add(page);
        return words ?? null;
      };
      enumerateRanges(this.context, pageOf, (range) => ranges.push(range) < MAX_RANGES, options);
      if (missing.size === 0) return ranges;
      await this.#feed.load(missing);
    }
    return [];
  }

  /** Where pieces lie, with their pages at hand. */
  async #loadPlaced(pieces: readonly LinearPiece[]): Promise<Placed[]> {
    const placed = await this.#placeAll(pieces);
    const wanted = new Set<number>();
    for (const parts of placed) for (const part of parts ?? []) addPages(part, wanted);
    const missing = [...wanted].filter((page) => this.#feed.words(page) === undefined);
    if (missing.length > 0) await this.#feed.load(missing);
    return placed;
  }

  async #placeAll(pieces: readonly LinearPiece[]): Promise<Placed[]> {
    const placed: Placed[] = [];
    let open = pieces.map((_, at) => at);
    while (open.length > 0) {
      const missing = new Set<number>();
      const left: number[] = [];
      for (const at of open) {
        const parts = this.#place(pieces[at] as LinearPiece, missing);
        if (parts === undefined) left.push(at);
        else placed[at] = parts;
      }
      if (missing.size > 0) await this.#feed.load(missing);
      open = left;
    }
    return placed;
  }

  /** @returns undefined where a page of tables is missing, which is noted then */
  #place({ address, lengthBytes }: LinearPiece, missing: Set<number>): Placed | undefined {
    const parts: PhysicalPart[] = [];
    let isMissing = false;
    for (let at = 0; at < lengthBytes; ) {
      const outcome = this.#walkTo(BigInt.asUintN(64, address + BigInt(at)), missing);
      if (outcome === 'unmapped') return null;
      if (outcome === 'missing') {
        isMissing = true;
        at += PAGE_BYTES;
        continue;
      }
      const length = Math.min(this.#restOfLeaf(), lengthBytes - at);
      parts.push({ physical: this.#walk.physical, at, lengthBytes: length });
      at += length;
    }
    return isMissing ? undefined : parts;
  }

  #walkTo(address: bigint, missing: Set<number>): 'mapped' | 'unmapped' | 'missing' {
    const walk = this.#walk;
    let wants = walk.start(Number(address >> 32n) | 0, Number(address & 0xffff_ffffn) | 0, READ);
    while (wants) {
      const page = Math.floor(walk.wanted / PAGE_BYTES);
      const words = this.#feed.words(page);
      if (words === undefined) {
        missing.add(page);
        return 'missing';
      }
      wants = feedFromPage(walk, words);
    }
    return walk.outcome === OUTCOME.mapped || walk.outcome === OUTCOME.denied ? 'mapped' : 'unmapped';
  }

  /** How many bytes there are up to the end of the page that the walk has come to. */
  #restOfLeaf(): number {
    const { depth, physical } = this.#walk;
    const sizeBytes = depth === 0 ? PAGE_BYTES : 2 ** this.#walk.levelAt(depth - 1).shift;
    return sizeBytes - (physical % sizeBytes);
  }

  #wordAt(parts: Placed, wordBytes: 4 | 8): bigint | null {
    const [part, another] = parts ?? [];
    if (parts === null || part === undefined) return null;
    const from = part.physical % PAGE_BYTES;
    const words = this.#feed.words(Math.floor(part.physical / PAGE_BYTES));
    if (!words) return null;
    const isInOne = another === undefined && from + wordBytes <= PAGE_BYTES && from % 4 === 0;
    if (!isInOne) {
      const bytes = this.#copy(parts, wordBytes);
      return bytes && word(bytes, 0, wordBytes);
    }
    const low = BigInt((words[from / 4] ?? 0) >>> 0);
    return wordBytes === 4 ? low : low | (BigInt((words[from / 4 + 1] ?? 0) >>> 0) << 32n);
  }

  #copy(parts: readonly PhysicalPart[], lengthBytes: number): Uint8Array | null {
    const bytes = new Uint8Array(lengthBytes);
    for (const { physical, at, lengthBytes: length } of parts) {
      for (let done = 0; done < length; ) {
        const from = physical + done;
        const words = this.#feed.words(Math.floor(from / PAGE_BYTES));
        if (!words) return null;
        const offset = from % PAGE_BYTES;
        const count = Math.min(PAGE_BYTES - offset, length - done);
        bytes.set(new Uint8Array(words.buffer, words.byteOffset + offset, count), at + done);
        done += count;
      }
    }
    return bytes;
  }
}

/** Pieces by as many as are read at once; a single one may be larger. */
function* partsOf(pieces: readonly LinearPiece[]): Generator<readonly LinearPiece[]> {
  let from = 0;
  let pages = 0;
  for (const [at, { lengthBytes }] of pieces.entries()) {
    // Wherever it begins, it reaches into one page more at most.
    const own = Math.ceil(lengthBytes / PAGE_BYTES) + (lengthBytes > 0 ? 1 : 0);
    if (at > from && pages + own > MOST_PAGES_AT_ONCE) {
      yield pieces.slice(from, at);
      from = at;
      pages = 0;
    }
    pages += own;
  }
  if (from < pieces.length) yield pieces.slice(from);
}

function addPages({ physical, lengthBytes }: PhysicalPart, pages: Set<number>): void {
  const last = Math.floor((physical + lengthBytes - 1) / PAGE_BYTES);
  for (let page = Math.floor(physical / PAGE_BYTES); page <= last; page += 1) pages.add(page);
}
