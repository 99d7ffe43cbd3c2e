import { busPage } from '../enumerate/bus-page.ts';
import { type PageSource, rootTable } from '../enumerate/enumerate.ts';
import type { PagingContext } from '../rules/context.ts';
import { ENTRY, entryKindOf, tablePageOf } from '../rules/entry-kind.ts';
import type { Level } from '../rules/levels.ts';

/** The tables of an address space at one moment. @public */
export interface TablesAtOnce {
  readonly context: PagingContext;
  readonly pageOf: PageSource;
}

/** Linear pages without sign extension, `lastPage` inclusive. @public */
export interface PageRange {
  readonly firstPage: number;
  readonly lastPage: number;
}

/** One that may still grow. @internal */
export interface GrowingRange {
  readonly firstPage: number;
  lastPage: number;
}

const PAGE_WORD_MASK = 1023;
/** Tables that changed are looked at as often as they are shared; from here on they are taken to have changed as a whole. */
const DEFAULT_MAX_TABLES = 1_048_576;

/**
 * Where the leaves of an address space may differ between two moments: outside of these ranges they are the same entries, with
 * the same rights above them. Tables that are the same, down to their leaves, are compared once however often they are used, so
 * that the work goes with the number of tables and not with the size of what they map.
 *
 * @returns ranges in ascending order, as small as entries tell
 * @public
 */
export function changedRanges(
  before: TablesAtOnce,
  after: TablesAtOnce,
  maxTables = DEFAULT_MAX_TABLES,
): readonly PageRange[] {
  if (!haveSameFormat(before.context, after.context)) return everyPage(before.context, after.context);
  return new Comparison(before, after, maxTables).run();
}

/** The pages of both address spaces. @internal */
export function everyPage(one: PagingContext, other: PagingContext): readonly PageRange[] {
  return [{ firstPage: 0, lastPage: 2 ** (Math.max(one.linearBits, other.linearBits) - 12) - 1 }];
}

const FORMAT = [
  'shift',
  'presentMask',
  'leafBit',
  'tableReservedLow',
  'tableReservedHigh',
  'leafReservedLow',
  'leafReservedHigh',
  'addressHigh',
  'leafAddressLow',
  'leafHighFromLow',
] as const satisfies readonly (keyof Level)[];

/** Whether an entry says the same in both. */
function haveSameFormat(one: PagingContext, other: PagingContext): boolean {
  return (
    one.mode === other.mode &&
    one.a20Masked === other.a20Masked &&
    one.rules === other.rules &&
    one.policy.executeDisableHigh === other.policy.executeDisableHigh &&
    one.levels.every((level, depth) => isSameLevel(level, other.levels[depth]))
  );
}

function isSameLevel(one: Level, other: Level | undefined): boolean {
  return (
    FORMAT.every((name) => one[name] === other?.[name]) && one.misconfigured?.join() === other?.misconfigured?.join()
  );
}

interface Table {
  readonly words: Int32Array | null;
  readonly firstWord: number;
}

class Comparison {
  readonly #context: PagingContext;
  readonly #before: TablesAtOnce;
  readonly #after: TablesAtOnce;
  readonly #maxTables: number;
  readonly #same = new Set<string>();
  readonly #ranges: GrowingRange[] = [];
  #tables = 0;

  constructor(before: TablesAtOnce, after: TablesAtOnce, maxTables: number) {
    this.#context = before.context;
    this.#before = before;
    this.#after = after;
    this.#maxTables = maxTables;
  }

  run(): readonly PageRange[] {
    if (this.#context.levels.length > 0) {
      const [one, other] = [this.#before, this.#after].map(({ context, pageOf }) => rootTable(context, pageOf));
      this.#compare(0, one as Table, other as Table, 0);
    }
    return this.#ranges;
  }

  /** @returns whether the tables are the same, down to their leaves */
  #compare(depth: number, one: Table, other: Table, base: number): boolean {
    const level = this.#context.levels[depth] as Level;
    const pages = 2 ** (level.shift - 12);
    this.#tables += 1;
    if (one.words === null || other.words === null || this.#tables > this.#maxTables) {
      const isSame = one.words === null && other.words === null;
      if (!isSame) appendPages(this.#ranges, base, pages * (level.indexMask + 1));
      return isSame;
    }
    let isSame = true;
    for (let index = 0; index <= level.indexMask; index += 1) {
      isSame = this.#compareEntries(depth, one, other, index, base + index * pages) && isSame;
    }
    return isSame;
  }

  #compareEntries(depth: number, one: Table, other: Table, index: number, page: number): boolean {
    const level = this.#context.levels[depth] as Level;
    const stride = level.entrySizeBytes / 4;
    const low = wordAt(one, index * stride);
    const otherLow = wordAt(other, index * stride);
    const high = stride === 2 ? wordAt(one, index * stride + 1) : 0;
    const otherHigh = stride === 2 ? wordAt(other, index * stride + 1) : 0;
    const kind = entryKindOf(level, low, high);
    const otherKind = entryKindOf(level, otherLow, otherHigh);
    if (kind === otherKind) {
      // What is not present, or reserved, maps nothing, whatever else it says.
      if (kind === ENTRY.absent || kind === ENTRY.reserved) return true;
      if (kind === ENTRY.table && this.#giveSameRights(low ^ otherLow, high ^ otherHigh)) {
        return this.#descend(depth + 1, tablePageOf(level, low, high), tablePageOf(level, otherLow, otherHigh), page);
      }
      if (low === otherLow && high === otherHigh) return true;
    }
    appendPages(this.#ranges, page, 2 ** (level.shift - 12));
    return false;
  }

  #giveSameRights(differenceLow: number, differenceHigh: number): boolean {
    const { policy, rules } = this.#context;
    return (differenceLow & rules.initialRights) === 0 && (differenceHigh & policy.executeDisableHigh) === 0;
  }

  #descend(depth: number, tablePage: number, otherPage: number, page: number): boolean {
    const key = `${depth} ${tablePage} ${otherPage}`;
    if (this.#same.has(key)) return true;
    const { a20Masked, levels } = this.#context;
    const level = levels[depth] as Level;
    const one = { words: this.#before.pageOf(busPage(a20Masked, tablePage), level), firstWord: 0 };
    const other = { words: this.#after.pageOf(busPage(a20Masked, otherPage), level), firstWord: 0 };
    const isSame = this.#compare(depth, one, other, page);
    if (isSame) this.#same.add(key);
    return isSame;
  }
}

/** Adds pages that come after all those of the ranges, to the last one where they follow it. @internal */
export function appendPages(ranges: GrowingRange[], firstPage: number, pages: number): void {
  const last = ranges.at(-1);
  if (last !== undefined && last.lastPage === firstPage - 1) last.lastPage += pages;
  else ranges.push({ firstPage, lastPage: firstPage + pages - 1 });
}

function wordAt({ words, firstWord }: Table, offset: number): number {
  return (words as Int32Array)[(firstWord + offset) & PAGE_WORD_MASK] as number;
}
