import type { Alias, EnumerateResult, MappedLeaf, MappedRange, PhysicalRange, Rights } from '../paging/index.ts';
import { asAnswer } from '../paging/internal.ts';
import type { LinearRange } from './linear-range.ts';
import type { MemoryMap } from './memory/memory-map.ts';
import type { RegionSet } from './memory/region-set.ts';

/** With paging off a linear address has 32 bits, is the physical one, and no access is denied. SDM vol. 3A, 4.1.1. */
const LAST_LINEAR = 0xffff_ffffn;
const EVERYTHING_ALLOWED: Rights = Object.freeze({ write: true, user: true, exec: true });
const A20 = 1n << 20n;
const PAGE = 4096n;
/** Largest first. */
const SIZES = [1n << 30n, 1n << 21n, PAGE] as const;

/** Linear addresses that lead to physical ones in one piece. */
interface Piece {
  readonly first: bigint;
  readonly last: bigint;
  readonly physicalFirst: bigint;
}

/** What an address space without paging comes to: what lies in the first 4 GiB of physical memory, as a vCPU sees it. @internal */
export class IdentitySpace {
  readonly #a20Masked: boolean;
  readonly #map: MemoryMap;
  readonly #regions: RegionSet;

  constructor(a20Masked: boolean, map: MemoryMap, regions: RegionSet) {
    this.#a20Masked = a20Masked;
    this.#map = map;
    this.#regions = regions;
  }

  /** One for each region: where nothing is, nothing is told of. */
  ranges(emit: (range: MappedRange) => boolean | undefined, range: LinearRange): EnumerateResult {
    for (const { piece, classes } of this.#parts(range)) {
      const { first, last, physicalFirst } = piece;
      const mapped: MappedRange = {
        first,
        last,
        rights: EVERYTHING_ALLOWED,
        protectionKey: null,
        global: false,
        leaves: {},
        leafCount: 0,
        accessed: 0,
        dirty: 0,
        physicalFirst,
        contiguous: true,
        physicalPieces: 1,
        physicalLowest: physicalFirst,
        physicalHighest: physicalFirst + last - first,
        classes,
      };
      if (emit(asAnswer(mapped)) === false) return result(false);
    }
    return result(true);
  }

  /** The same in what would be pages, as large as fits: there are none, but maps page by page can be compared with others. */
  leaves(emit: (leaf: MappedLeaf) => boolean | undefined, range: LinearRange): EnumerateResult {
    let next = 0n;
    for (const { piece } of this.#parts(range)) {
      const last = piece.last | (PAGE - 1n);
      let address = higher(piece.first - (piece.first % PAGE), next);
      while (address <= last) {
        const physicalAddress = piece.physicalFirst + address - piece.first;
        const size =
          SIZES.find((each) => (address | physicalAddress) % each === 0n && address + each - 1n <= last) ?? PAGE;
        const leaf: MappedLeaf = {
          address,
          sizeBytes: Number(size),
          physicalAddress,
          rights: EVERYTHING_ALLOWED,
          protectionKey: null,
          global: false,
          accessed: false,
          dirty: false,
        };
        if (emit(asAnswer(leaf)) === false) return result(false);
        address += size;
      }
      next = address;
    }
    return result(true);
  }

  /** What leads to a physical address does so whether anything is there or not. */
  aliases(physical: PhysicalRange, emit: (alias: Alias) => boolean | undefined, range: LinearRange): EnumerateResult {
    for (const { first, last, physicalFirst } of this.#pieces(range)) {
      const from = higher(physical.first, physicalFirst);
      const to = lower(physical.last, physicalFirst + last - first);
      if (from > to) continue;
      const alias: Alias = {
        first: first + from - physicalFirst,
        last: first + to - physicalFirst,
        physicalFirst: from,
        pageSizeBytes: null,
        rights: EVERYTHING_ALLOWED,
        protectionKey: null,
        global: false,
        leaves: 0,
        accessed: 0,
        dirty: 0,
      };
      if (emit(asAnswer(alias)) === false) return result(false);
    }
    return result(true);
  }

  *#parts(range: LinearRange): Generator<{ readonly piece: Piece; readonly classes: number }> {
    for (const piece of this.#pieces(range)) {
      const lastPhysical = piece.physicalFirst + piece.last - piece.first;
      for (const region of this.#map.regions) {
        const from = higher(region.first, piece.physicalFirst);
        const to = lower(region.last, lastPhysical);
        if (from > to) continue;
        const first = piece.first + from - piece.physicalFirst;
        yield {
          piece: { first, last: first + to - from, physicalFirst: from },
          classes: this.#regions.classOf(region),
        };
      }
    }
  }

  /** All of it is one piece, unless the A20 gate folds each second megabyte onto the one before. */
  *#pieces({ first = 0n, last = LAST_LINEAR }: LinearRange): Generator<Piece> {
    const end = lower(last, LAST_LINEAR);
    const size = this.#a20Masked ? A20 : LAST_LINEAR + 1n;
    for (let from = first; from <= end; ) {
      const to = lower(end, from - (from % size) + size - 1n);
      yield { first: from, last: to, physicalFirst: this.#a20Masked ? from & ~A20 : from };
      from = to + 1n;
    }
  }
}

function result(complete: boolean): EnumerateResult {
  return { tables: 0, reservedEntries: 0, unbackedTables: 0, complete };
}

function higher(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

function lower(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
