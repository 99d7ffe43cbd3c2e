import { decodeAttributes, type LeafAttributes, type PageAttributes } from '../enumerate/leaf-attributes.ts';
import { canonicalAddress } from '../enumerate/linear-page.ts';
import type { PageSize } from '../enumerate/piece-sink.ts';
import type { PagingContext } from '../rules/context.ts';
import type { Rights } from '../rules/rights.ts';

/**
 * Consecutive linear pages with the same effective rights, key and global bit, whatever sizes of pages map them. What it says is
 * worked out when it is asked for: copy the properties that are wanted, not the object.
 *
 * @public
 */
export interface MappedRun extends PageAttributes {
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
  /** Where the run starts in guest physical memory; behind a second stage, in the host's. */
  readonly physicalFirst: bigint;
  /** The run is one piece of physical memory, from `physicalFirst` on. */
  readonly contiguous: boolean;
  /** Of how many pieces of physical memory the run consists; neighbours that lie side by side are one. */
  readonly physicalPieces: number;
  /** The lowest and the highest physical address of the run. */
  readonly physicalLowest: bigint;
  readonly physicalHighest: bigint;
  /** What `classify` said of these pieces, ORed; 0 without it. */
  readonly classes: number;
}

/** A run in page numbers. @internal */
export interface RunFacts {
  readonly firstPage: number;
  readonly endPage: number;
  readonly attributes: LeafAttributes;
  /** By the level of their size. */
  readonly leaves: readonly number[];
  readonly accessed: number;
  readonly dirty: number;
  readonly physicalFirst: number;
  readonly physicalPieces: number;
  readonly physicalLow: number;
  readonly physicalEnd: number;
  readonly classes: number;
}

/** A bigint is an allocation, and a run has six: hundreds of thousands of runs are told of which few are looked at. @internal */
export class LazyRun implements MappedRun {
  readonly #context: PagingContext;
  readonly #sizes: readonly PageSize[];
  readonly #facts: RunFacts;

  /** @param sizes - what sizes of pages there may be */
  constructor(context: PagingContext, sizes: readonly PageSize[], facts: RunFacts) {
    this.#context = context;
    this.#sizes = sizes;
    this.#facts = facts;
  }

  get first(): bigint {
    return canonicalAddress(this.#context, this.#facts.firstPage);
  }

  get last(): bigint {
    return canonicalAddress(this.#context, this.#facts.endPage - 1) | 0xfffn;
  }

  get rights(): Rights {
    return decodeAttributes(this.#context, this.#facts.attributes).rights;
  }

  get protectionKey(): number | null {
    return decodeAttributes(this.#context, this.#facts.attributes).protectionKey;
  }

  get global(): boolean {
    return decodeAttributes(this.#context, this.#facts.attributes).global;
  }

  get leaves(): Readonly<Record<number, number>> {
    const counts: Record<number, number> = {};
    for (const { level, shift } of this.#sizes) {
      const count = this.#facts.leaves[level] ?? 0;
      if (count > 0) counts[2 ** shift] = count;
    }
    return counts;
  }

  get leafCount(): number {
    let sum = 0;
    for (const count of this.#facts.leaves) sum += count;
    return sum;
  }

  get accessed(): number {
    return this.#facts.accessed;
  }

  get dirty(): number {
    return this.#facts.dirty;
  }

  get physicalFirst(): bigint {
    return BigInt(this.#facts.physicalFirst) << 12n;
  }

  get contiguous(): boolean {
    return this.#facts.physicalPieces === 1;
  }

  get physicalPieces(): number {
    return this.#facts.physicalPieces;
  }

  get physicalLowest(): bigint {
    return BigInt(this.#facts.physicalLow) << 12n;
  }

  get physicalHighest(): bigint {
    return (BigInt(this.#facts.physicalEnd) << 12n) - 1n;
  }

  get classes(): number {
    return this.#facts.classes;
  }
}
