import { ENTRY_RW, ENTRY_US } from '../rules/architecture.ts';
import type { PagingContext } from '../rules/context.ts';
import { ENTRY, entryKindOf, tablePageOf } from '../rules/entry-kind.ts';
import type { Level } from '../rules/levels.ts';
import { busPage } from './bus-page.ts';

/**
 * The leaves of an address space, in ascending order of linear addresses. Addresses are page numbers (linear address >> 12)
 * without sign extension, so that they are exact numbers even with 57 bits.
 *
 * @public
 */
export interface LeafSink<Summary> {
  /**
   * @param page - the first linear page that the leaf maps
   * @param level - the table row that the leaf belongs to; it maps `2 ** (level.shift - 12)` pages
   * @param rights - R/W and U/S, ANDed over all entries, in their entry positions
   * @param executeDisabled - non-zero when XD is in force in any entry
   */
  leaf(page: number, level: Level, low: number, high: number, rights: number, executeDisabled: number): void;
  /** Called before a table is gone through. */
  enterTable(page: number): void;
  /**
   * Called after it. A table that can be reached again in one step (shared tables, KASAN's shadow) is not gone through again:
   * `applySummary` is called with what was returned here.
   *
   * @param pages - how many linear pages the table spans
   * @returns null when the table has to be gone through each time
   */
  leaveTable(page: number, pages: number): Summary | null;
  applySummary(page: number, summary: Summary): void;
  /** True when the sink wants no more. */
  readonly isFull: boolean;
}

/**
 * Gives the memory of a page as 32-bit words, or null where no memory is, or it must not be read.
 *
 * @param level - what the page is read for: a second stage may let a page be read as one table and not as another
 * @public
 */
export type PageSource = (page: number, level: Level) => Int32Array | null;

/** What part of an address space to go through, and for how long. @public */
export interface EnumerateOptions {
  /** First and last linear page, without sign extension. Everything unless given. */
  readonly firstPage?: number;
  readonly lastPage?: number;
  /** Stops after so many tables: corrupt ones can refer to themselves endlessly. 4 million unless given. */
  readonly maxTables?: number;
}

/** How an enumeration went. @public */
export interface EnumerateResult {
  /** Tables gone through; one that is shared and uniform counts once. */
  readonly tables: number;
  /** Entries with reserved bits set: nothing below them is reached. */
  readonly reservedEntries: number;
  /** Entries that point to tables outside of readable memory. */
  readonly unbackedTables: number;
  /** False when it was ended early: by the sink, or after `maxTables`. */
  readonly complete: boolean;
}

const DEFAULT_MAX_TABLES = 4_194_304;
const ALL_RIGHTS = ENTRY_RW | ENTRY_US;
const PAGE_WORD_MASK = 1023;

/**
 * Goes through every present leaf of an address space by the same rules as a walk: reserved bits end a branch, rights are the
 * AND over all levels. A self-referencing table is a table like any other, once for each level it serves.
 *
 * @public
 */
export function enumerate<Summary>(
  context: PagingContext,
  pageOf: PageSource,
  sink: LeafSink<Summary>,
  options: EnumerateOptions = {},
): EnumerateResult {
  return new Enumeration(context, pageOf, sink, options).run();
}

class Enumeration<Summary> {
  readonly #context: PagingContext;
  readonly #pageOf: PageSource;
  readonly #sink: LeafSink<Summary>;
  readonly #firstPage: number;
  readonly #lastPage: number;
  readonly #maxTables: number;
  readonly #summaries = new Map<number, Summary>();
  #tables = 0;
  #reserved = 0;
  #unbacked = 0;
  #complete = true;

  constructor(context: PagingContext, pageOf: PageSource, sink: LeafSink<Summary>, options: EnumerateOptions) {
    this.#context = context;
    this.#pageOf = pageOf;
    this.#sink = sink;
    this.#firstPage = options.firstPage ?? 0;
    this.#lastPage = options.lastPage ?? 2 ** (context.linearBits - 12) - 1;
    this.#maxTables = options.maxTables ?? DEFAULT_MAX_TABLES;
  }

  run(): EnumerateResult {
    if (this.#context.levels.length > 0) {
      const { words, firstWord } = rootTable(this.#context, this.#pageOf);
      if (words === null) this.#unbacked += 1;
      else this.#visit(0, words, firstWord, 0, ALL_RIGHTS, 0);
    }
    return {
      tables: this.#tables,
      reservedEntries: this.#reserved,
      unbackedTables: this.#unbacked,
      complete: this.#complete,
    };
  }

  /** @param base - the first linear page that the table maps */
  #visit(depth: number, words: Int32Array, firstWord: number, base: number, rights: number, disabled: number): void {
    if (this.#tables >= this.#maxTables) this.#complete = false;
    if (!this.#complete) return;
    this.#tables += 1;
    const level = this.#context.levels[depth] as Level;
    const pages = 2 ** (level.shift - 12);
    const stride = level.entrySizeBytes / 4;
    const from = Math.max(0, Math.floor((this.#firstPage - base) / pages));
    const to = Math.min(level.indexMask, Math.floor((this.#lastPage - base) / pages));
    const { executeDisableHigh } = this.#context.policy;
    const sink = this.#sink;
    let at = firstWord + from * stride;
    let page = base + from * pages;
    for (let index = from; index <= to; index += 1, at += stride, page += pages) {
      const low = words[at & PAGE_WORD_MASK] as number;
      const high = stride === 2 ? (words[(at + 1) & PAGE_WORD_MASK] as number) : 0;
      const kind = entryKindOf(level, low, high);
      if (kind === ENTRY.leaf) {
        sink.leaf(page, level, low, high, rights & low, disabled | (high & executeDisableHigh));
      } else if (kind === ENTRY.table) {
        const below = rights & (low | level.impliedRights);
        this.#descend(depth + 1, tablePageOf(level, low, high), page, below, disabled | (high & executeDisableHigh));
        if (!this.#complete) return;
      } else if (kind === ENTRY.reserved) {
        this.#reserved += 1;
      }
    }
    if (sink.isFull) this.#complete = false;
  }

  #descend(depth: number, tablePage: number, page: number, rights: number, disabled: number): void {
    // 2^40 pages, 5 levels, 4 combinations of rights and XD or not: exact as a number.
    const key = ((tablePage * 8 + depth) * 4 + (rights >> 1)) * 2 + (disabled === 0 ? 0 : 1);
    const known = this.#summaries.get(key);
    const pages = 2 ** ((this.#context.levels[depth - 1] as Level).shift - 12);
    const isWhole = page >= this.#firstPage && page + pages - 1 <= this.#lastPage;
    if (known !== undefined && isWhole) {
      this.#sink.applySummary(page, known);
      return;
    }
    const words = this.#pageOf(busPage(this.#context.a20Masked, tablePage), this.#context.levels[depth] as Level);
    if (words === null) {
      this.#unbacked += 1;
      return;
    }
    this.#sink.enterTable(page);
    this.#visit(depth, words, 0, page, rights, disabled);
    const summary = this.#sink.leaveTable(page, pages);
    if (summary !== null && isWhole && this.#complete) this.#summaries.set(key, summary);
  }
}

/** The table that a walk begins with: in memory, where it may begin in the middle of a page, or in registers. @internal */
export function rootTable(
  { rootAddress, latched, a20Masked, levels }: PagingContext,
  pageOf: PageSource,
): { readonly words: Int32Array | null; readonly firstWord: number } {
  if (latched) return { words: interleave(latched.lows, latched.highs), firstWord: 0 };
  const page = busPage(a20Masked, Math.floor(rootAddress / 4096));
  return { words: pageOf(page, levels[0] as Level), firstWord: (rootAddress % 4096) / 4 };
}

function interleave(lows: Int32Array, highs: Int32Array): Int32Array {
  const words = new Int32Array(1024);
  lows.forEach((low, index) => {
    words[index * 2] = low;
    words[index * 2 + 1] = highs[index] as number;
  });
  return words;
}
