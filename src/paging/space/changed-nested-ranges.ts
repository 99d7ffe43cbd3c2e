import { busPage, pagesInOnePiece } from '../enumerate/bus-page.ts';
import { type EnumerateOptions, enumerate, type LeafSink } from '../enumerate/enumerate.ts';
import { guestTables } from '../enumerate/guest-tables.ts';
import type { NestedContext } from '../nested/nested-context.ts';
import type { PagingContext } from '../rules/context.ts';
import { leafPageOf } from '../rules/entry-kind.ts';
import type { Level } from '../rules/levels.ts';
import type { Policy } from '../rules/rights.ts';
import {
  appendPages,
  changedRanges,
  everyPage,
  type GrowingRange,
  type PageRange,
  type TablesAtOnce,
} from './changed-ranges.ts';
import { HitSink } from './hit-sink.ts';

/** The tables of both stages at one moment; `pageOf` is L1 memory. @public */
export interface NestedTablesAtOnce extends TablesAtOnce {
  readonly nested: NestedContext;
}

/** A guest that does not page has so many pages. */
const LEGACY_PAGES = 0x10_0000;

/**
 * As `changedRanges`, of an address space behind a second stage: where the guest's entries may differ, or what the second stage
 * makes of what they lead to.
 *
 * @returns ranges in ascending order
 * @public
 */
export function changedNestedRanges(
  before: NestedTablesAtOnce,
  after: NestedTablesAtOnce,
  maxTables?: number,
): readonly PageRange[] {
  if (!areJudgedAlike(before.nested, after.nested)) return everyPage(before.context, after.context);
  const ofGuest = changedRanges(tablesOfGuest(before), tablesOfGuest(after), maxTables);
  const inStage = changedRanges(tablesOfStage(before), tablesOfStage(after), maxTables);
  // Where the guest's entries are the same they lead to the same guest physical pages.
  return unite(ofGuest, linearRangesOf(after, inStage, maxTables === undefined ? {} : { maxTables }));
}

/** Tables alone do not say everything: of EPT there are the controls too. */
function areJudgedAlike(one: NestedContext, other: NestedContext): boolean {
  const names = Object.keys(one.stage.policy) as (keyof Policy)[];
  return (
    one.kind === other.kind &&
    one.writesTables === other.writesTables &&
    names.every((name) => one.stage.policy[name] === other.stage.policy[name])
  );
}

function tablesOfGuest({ context, nested, pageOf }: NestedTablesAtOnce): TablesAtOnce {
  return { context, pageOf: guestTables(nested, pageOf) };
}

function tablesOfStage({ nested, pageOf }: NestedTablesAtOnce): TablesAtOnce {
  return { context: nested.stage, pageOf };
}

function linearRangesOf(
  tables: NestedTablesAtOnce,
  guestPhysical: readonly PageRange[],
  limits: EnumerateOptions,
): readonly PageRange[] {
  if (guestPhysical.length === 0) return [];
  const { context, pageOf } = tablesOfGuest(tables);
  const finder = new RangeFinder(context, guestPhysical);
  if (context.levels.length === 0) finder.pass(0, LEGACY_PAGES, 0);
  else if (!enumerate(context, pageOf, finder, limits).complete) return everyPage(context, context);
  return finder.found;
}

/** Finds the linear pages that lead to ranges of guest physical ones. */
class RangeFinder extends HitSink implements LeafSink<true> {
  readonly isFull = false;
  readonly found: GrowingRange[] = [];
  readonly #context: PagingContext;
  readonly #wanted: readonly PageRange[];

  /** @param wanted - in ascending order */
  constructor(context: PagingContext, wanted: readonly PageRange[]) {
    super();
    this.#context = context;
    this.#wanted = wanted;
  }

  leaf(page: number, level: Level, low: number, high: number): void {
    this.pass(page, 1 << (level.shift - 12), leafPageOf(level, low, high));
  }

  pass(page: number, pages: number, guestPhysical: number): void {
    const { a20Masked } = this.#context;
    const inPiece = pagesInOnePiece(a20Masked, pages);
    for (let from = 0; from < pages; from += inPiece) {
      this.#look(page + from, inPiece, busPage(a20Masked, guestPhysical + from));
    }
  }

  #look(page: number, pages: number, guestPhysical: number): void {
    const end = guestPhysical + pages;
    for (let at = this.#firstNotBefore(guestPhysical); at < this.#wanted.length; at += 1) {
      const { firstPage, lastPage } = this.#wanted[at] as PageRange;
      if (firstPage >= end) return;
      const first = Math.max(firstPage, guestPhysical);
      this.#note(page + first - guestPhysical, Math.min(lastPage + 1, end) - first);
    }
  }

  /** The first of the ranges that does not end before a page. */
  #firstNotBefore(guestPhysical: number): number {
    let [low, high] = [0, this.#wanted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#wanted[middle] as PageRange).lastPage < guestPhysical) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #note(firstPage: number, pages: number): void {
    this.hits += 1;
    appendPages(this.found, firstPage, pages);
  }
}

/** Ranges of both, those that touch as one. */
function unite(one: readonly PageRange[], other: readonly PageRange[]): readonly PageRange[] {
  const united: GrowingRange[] = [];
  for (const { firstPage, lastPage } of [...one, ...other].sort((left, right) => left.firstPage - right.firstPage)) {
    const last = united.at(-1);
    if (last !== undefined && firstPage <= last.lastPage + 1) last.lastPage = Math.max(last.lastPage, lastPage);
    else united.push({ firstPage, lastPage });
  }
  return united;
}
