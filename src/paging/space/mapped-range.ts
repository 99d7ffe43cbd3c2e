import { Answer } from '../as-answer.ts';
import { decodeAttributes, type LeafAttributes, type PageAttributes } from '../enumerate/leaf-attributes.ts';
import { canonicalAddress, physicalAddressOf } from '../enumerate/linear-page.ts';
import type { PageSize } from '../enumerate/piece-sink.ts';
import type { PagingContext } from '../rules/context.ts';
import type { Rights } from '../rules/rights.ts';

/** Consecutive linear pages with the same effective rights, key and global bit, whatever sizes of pages map them. @public */
export interface MappedRange extends PageAttributes {
  /** First linear address, in canonical form. */
  readonly first: bigint;
  /** Last linear address, inclusive. */
  readonly last: bigint;
  /** How many leaves of each size there are, by their size in bytes. */
  readonly leaves: Readonly<Record<number, number>>;
  /** How many leaves there are, of all sizes. */
  readonly leafCount: number;
  /** How many leaves have A, and D, set. */
  readonly accessed: number;
  readonly dirty: number;
  /** Where the range starts in guest physical memory; behind a second stage, in L1 memory. */
  readonly physicalFirst: bigint;
  /** The range is one piece of physical memory, from `physicalFirst` on. */
  readonly contiguous: boolean;
  /** Of how many pieces of physical memory the range consists; neighbours that lie side by side are one. */
  readonly physicalPieces: number;
  /** The lowest and the highest physical address of the range. */
  readonly physicalLowest: bigint;
  readonly physicalHighest: bigint;
  /** What `classify` said of these pieces, ORed; 0 without it. */
  readonly classes: number;
}

/** A range in page numbers. @internal */
export interface RangeFacts {
  readonly firstPage: number;
  readonly endPage: number;
  readonly attributes: LeafAttributes;
  /** By the level of their size; read before the call ends. */
  readonly leaves: readonly number[];
  readonly accessed: number;
  readonly dirty: number;
  readonly physicalFirst: number;
  readonly physicalPieces: number;
  readonly physicalLow: number;
  readonly physicalEnd: number;
  readonly classes: number;
}

const LAST_OF_PAGE = 4095;

/**
 * Makes the ranges of an address space. What many ranges have in common they share: rights, and how many leaves there are if all are of
 * one size, which few ranges have as many of (n different counts take n²/2 leaves).
 *
 * @internal
 */
export class RangeMaker {
  readonly #context: PagingContext;
  readonly #sizes: readonly PageSize[];
  readonly #attributes = new Map<LeafAttributes, PageAttributes>();
  readonly #counts = new Map<number, Readonly<Record<number, number>>>();

  /** @param sizes - what sizes of pages there may be */
  constructor(context: PagingContext, sizes: readonly PageSize[]) {
    this.#context = context;
    this.#sizes = sizes;
  }

  make(facts: RangeFacts): MappedRange {
    const { attributes } = facts;
    const leafCount = sumOf(facts.leaves);
    const physicalFirst = physicalAddressOf(facts.physicalFirst);
    return new Range(
      canonicalAddress(this.#context, facts.firstPage),
      canonicalAddress(this.#context, facts.endPage - 1, LAST_OF_PAGE),
      this.#attributesOf(attributes),
      this.#leavesOf(facts.leaves, leafCount),
      leafCount,
      physicalFirst,
      facts.physicalLow === facts.physicalFirst ? physicalFirst : physicalAddressOf(facts.physicalLow),
      physicalAddressOf(facts.physicalEnd - 1, LAST_OF_PAGE),
      facts,
    );
  }

  #attributesOf(attributes: LeafAttributes): PageAttributes {
    const known = this.#attributes.get(attributes);
    if (known !== undefined) return known;
    const decoded = decodeAttributes(this.#context, attributes);
    Object.freeze(decoded.rights);
    this.#attributes.set(attributes, decoded);
    return decoded;
  }

  #leavesOf(leaves: readonly number[], leafCount: number): Readonly<Record<number, number>> {
    const only = this.#sizes.find(({ level }) => leaves[level] === leafCount);
    if (only === undefined) return this.#countBySize(leaves);
    // So many as 2^45 pages there are, and shifts have 5 bits.
    const key = leafCount * 64 + only.shift;
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    const counted = Object.freeze({ [2 ** only.shift]: leafCount });
    this.#counts.set(key, counted);
    return counted;
  }

  #countBySize(leaves: readonly number[]): Readonly<Record<number, number>> {
    const counts: Record<number, number> = {};
    for (const { level, shift } of this.#sizes) {
      const count = leaves[level] ?? 0;
      if (count > 0) counts[2 ** shift] = count;
    }
    return Object.freeze(counts);
  }
}

class Range extends Answer implements MappedRange {
  readonly first: bigint;
  readonly last: bigint;
  readonly rights: Rights;
  readonly protectionKey: number | null;
  readonly global: boolean;
  readonly leaves: Readonly<Record<number, number>>;
  readonly leafCount: number;
  readonly accessed: number;
  readonly dirty: number;
  readonly physicalFirst: bigint;
  readonly contiguous: boolean;
  readonly physicalPieces: number;
  readonly physicalLowest: bigint;
  readonly physicalHighest: bigint;
  readonly classes: number;

  constructor(
    first: bigint,
    last: bigint,
    attributes: PageAttributes,
    leaves: Readonly<Record<number, number>>,
    leafCount: number,
    physicalFirst: bigint,
    physicalLowest: bigint,
    physicalHighest: bigint,
    facts: RangeFacts,
  ) {
    super();
    this.first = first;
    this.last = last;
    this.rights = attributes.rights;
    this.protectionKey = attributes.protectionKey;
    this.global = attributes.global;
    this.leaves = leaves;
    this.leafCount = leafCount;
    this.accessed = facts.accessed;
    this.dirty = facts.dirty;
    this.physicalFirst = physicalFirst;
    this.contiguous = facts.physicalPieces === 1;
    this.physicalPieces = facts.physicalPieces;
    this.physicalLowest = physicalLowest;
    this.physicalHighest = physicalHighest;
    this.classes = facts.classes;
  }
}

function sumOf(leaves: readonly number[]): number {
  let sum = 0;
  for (const count of leaves) sum += count;
  return sum;
}
