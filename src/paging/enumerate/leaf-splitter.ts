import type { NestedContext } from '../nested/nested-context.ts';
import { finalAccessOf } from '../nested/stage-access.ts';
import { ACCESS_EXEC, ACCESS_USER, ACCESS_WRITE, ENTRY_RW, ENTRY_US } from '../rules/architecture.ts';
import type { PagingContext } from '../rules/context.ts';
import { leafPageOf } from '../rules/entry-kind.ts';
import type { Level } from '../rules/levels.ts';
import { busPage, pagesInOnePiece } from './bus-page.ts';
import type { LeafSink, PageSource } from './enumerate.ts';
import { encodeAttributes, isAccessible, type LeafAttributes, limitAttributes } from './leaf-attributes.ts';
import type { PageSize, PieceSink } from './piece-sink.ts';
import { pieceSizeOf } from './piece-sizes.ts';
import { SecondStage } from './second-stage.ts';

const SMALL_SHIFT = 12;
const LEGACY_SHIFT = 32;

/** What all pieces of a guest's leaf have in common. */
interface GuestLeaf {
  readonly attributes: LeafAttributes;
  readonly isUser: boolean;
  readonly low: number;
}

/**
 * Takes a guest's leaves, looks what they lead to up in the second stage, and passes on a piece for each of its pages: as large
 * as the smaller one of both pages, with the rights that both leave. What the second stage forbids is not passed on.
 * A guest's table that is known once is known everywhere: its pages lead to the same guest physical ones.
 *
 * @internal
 */
export class LeafSplitter<Summary> implements LeafSink<Summary> {
  readonly #context: PagingContext;
  readonly #nested: NestedContext;
  readonly #stage: SecondStage;
  readonly #sink: PieceSink<Summary>;
  readonly #firstPage: number;
  readonly #lastPage: number;
  #piecesLeft: number;

  /**
   * @param pageOf - L1 physical memory
   * @param limits - linear pages, and how many pieces are looked up; those that lie outside are not
   */
  constructor(
    context: PagingContext,
    nested: NestedContext,
    pageOf: PageSource,
    sink: PieceSink<Summary>,
    limits: { readonly firstPage: number; readonly lastPage: number; readonly maxPieces: number },
  ) {
    this.#context = context;
    this.#nested = nested;
    this.#stage = new SecondStage(nested, pageOf);
    this.#sink = sink;
    this.#firstPage = limits.firstPage;
    this.#lastPage = limits.lastPage;
    this.#piecesLeft = limits.maxPieces;
  }

  get isFull(): boolean {
    return this.#sink.isFull || this.#piecesLeft <= 0;
  }

  leaf(page: number, level: Level, low: number, high: number, rights: number, executeDisabled: number): void {
    const attributes = encodeAttributes(this.#context.policy.protectionKeys, low, high, rights, executeDisabled);
    const leaf = { attributes, isUser: (rights & ENTRY_US) !== 0, low };
    this.#pass(page, level.shift, leafPageOf(level, low, high), leaf);
  }

  /** A guest that does not page has guest physical addresses for linear ones, which everybody may access. */
  unpaged(): void {
    this.#pass(0, LEGACY_SHIFT, 0, { attributes: ENTRY_RW | ENTRY_US, isUser: true, low: 0 });
  }

  enterTable(page: number): void {
    this.#sink.enterTable(page);
  }

  leaveTable(page: number, pages: number): Summary | null {
    return this.#sink.leaveTable(page, pages);
  }

  applySummary(page: number, summary: Summary): void {
    this.#sink.applySummary(page, summary);
  }

  #pass(page: number, shift: number, guestPhysical: number, leaf: GuestLeaf): void {
    const { a20Masked } = this.#context;
    const pages = 2 ** (shift - 12);
    const inPiece = pagesInOnePiece(a20Masked, pages);
    // What is left of a large page when it is folded is no size that a page can have.
    const largest = inPiece === pages ? shift : SMALL_SHIFT;
    for (let from = 0; from < pages; from += inPiece) {
      this.#split(page + from, inPiece, busPage(a20Masked, guestPhysical + from), largest, leaf);
    }
  }

  /** @param largest - the shift of the largest page that there may be */
  #split(page: number, pages: number, guestPhysical: number, largest: number, leaf: GuestLeaf): void {
    const last = Math.min(page + pages - 1, this.#lastPage);
    for (let at = Math.max(page, this.#firstPage); at <= last && !this.isFull; ) {
      const asked = guestPhysical + (at - page);
      this.#stage.lookUp(asked);
      this.#piecesLeft -= 1;
      const shift = Math.min(largest, this.#stage.shift);
      const inPiece = 2 ** (shift - 12);
      // The pages of both stages begin at multiples of their size, and so does the smaller one in either.
      const skipped = inPiece === 1 ? 0 : asked % inPiece;
      if (this.#stage.isMapped) this.#tell(at - skipped, asked - skipped, pieceSizeOf(shift), leaf);
      at += inPiece - skipped;
    }
  }

  #tell(page: number, guestPhysical: number, size: PageSize, leaf: GuestLeaf): void {
    const { low, isUser } = leaf;
    const left = limitAttributes(leaf.attributes, {
      read: this.#allows(0, isUser),
      written: this.#allows(ACCESS_WRITE, isUser),
      executed: this.#allows(ACCESS_EXEC, isUser),
    });
    if (isAccessible(left)) this.#sink.piece(page, size, this.#stage.l1PageOf(guestPhysical), left, low);
  }

  /** As users access a page that is theirs, and supervisors their own. */
  #allows(access: number, isUser: boolean): boolean {
    return this.#stage.allows(finalAccessOf(this.#nested, isUser ? access | ACCESS_USER : access, isUser));
  }
}
