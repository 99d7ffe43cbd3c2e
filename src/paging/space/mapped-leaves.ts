import { asAnswer } from '../as-answer.ts';
import { busPage } from '../enumerate/bus-page.ts';
import type { EnumerateResult, PageSource } from '../enumerate/enumerate.ts';
import { enumeratePieces, type StagedOptions } from '../enumerate/enumerate-pieces.ts';
import {
  decodeAttributes,
  encodeAttributes,
  type LeafAttributes,
  type PageAttributes,
} from '../enumerate/leaf-attributes.ts';
import { canonicalAddress, physicalAddressOf } from '../enumerate/linear-page.ts';
import type { PageSize, PieceSink } from '../enumerate/piece-sink.ts';
import { ENTRY_A, ENTRY_D } from '../rules/architecture.ts';
import type { PagingContext } from '../rules/context.ts';
import { leafPageOf } from '../rules/entry-kind.ts';
import type { Level } from '../rules/levels.ts';
import { HitSink } from './hit-sink.ts';

/** One page of whatever size: an entry that maps memory, and what all entries above it leave of its rights. @public */
export interface MappedLeaf extends PageAttributes {
  /** First linear address, in canonical form. */
  readonly address: bigint;
  readonly sizeBytes: number;
  readonly physicalAddress: bigint;
  readonly accessed: boolean;
  readonly dirty: boolean;
}

type Emit = (leaf: MappedLeaf) => boolean | undefined;

/** Reports every leaf; only empty tables can be skipped on reuse. */
class LeafTeller extends HitSink implements PieceSink<true> {
  readonly #emit: Emit;
  readonly #context: PagingContext;
  isFull = false;

  constructor(context: PagingContext, emit: Emit) {
    super();
    this.#context = context;
    this.#emit = emit;
  }

  leaf(page: number, level: Level, low: number, high: number, rights: number, executeDisabled: number): void {
    const { policy, a20Masked } = this.#context;
    const attributes = encodeAttributes(policy.protectionKeys, low, high, rights, executeDisabled);
    this.piece(page, level, busPage(a20Masked, leafPageOf(level, low, high)), attributes, low);
  }

  piece(page: number, { shift }: PageSize, physical: number, attributes: LeafAttributes, low: number): void {
    if (this.isFull) return;
    this.hits += 1;
    const { rights: effective, protectionKey, global } = decodeAttributes(this.#context, attributes);
    // Field by field: spreading an object here takes fifty times as long.
    const more = this.#emit(
      asAnswer({
        address: canonicalAddress(this.#context, page),
        sizeBytes: 2 ** shift,
        physicalAddress: physicalAddressOf(physical),
        rights: effective,
        protectionKey,
        global,
        accessed: (low & ENTRY_A) !== 0,
        dirty: (low & ENTRY_D) !== 0,
      }),
    );
    if (more === false) this.isFull = true;
  }
}

/**
 * Enumerates an address space page by page, a shared table as often as it is shared.
 *
 * @param emit - takes each leaf, in ascending order of page numbers (the lower half first); false ends the enumeration, and what
 * comes after the leaf is found by another call from there
 * @public
 */
export function enumerateLeaves(
  context: PagingContext,
  pageOf: PageSource,
  emit: (leaf: MappedLeaf) => boolean | undefined,
  options: StagedOptions = {},
): EnumerateResult {
  return enumeratePieces(context, pageOf, new LeafTeller(context, emit), options);
}
