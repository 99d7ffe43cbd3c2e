import type { NestedContext } from '../nested/nested-context.ts';
import { feedFromPage } from '../walk/feed-from-page.ts';
import { StructureCache } from '../walk/structure-cache.ts';
import { OUTCOME, Walk } from '../walk/walk.ts';
import type { PageSource } from './enumerate.ts';

const PAGE_BYTES = 4096;
const TWO_20 = 0x10_0000;
/** Where no table was read, or none is needed, addresses are alike as far as 32 bits go, and more no page has. */
const WIDEST_SHIFT = 32;

/**
 * The second stage, looked up page by page: what it makes of a page of guest physical memory, and how far around it that holds.
 *
 * @internal
 */
export class SecondStage {
  readonly nested: NestedContext;
  readonly #pageOf: PageSource;
  readonly #walk: Walk;
  readonly #structures: StructureCache;
  /** The pages that the last answer holds for: guest physical, `end` exclusive. */
  #first = 0;
  #end = 0;
  #l1First = 0;
  /** So many address bits of a page that was looked up make no difference. */
  shift = 0;
  /** Whether the tables lead to a page of L1. */
  isMapped = false;

  /** @param pageOf - L1 physical memory */
  constructor(nested: NestedContext, pageOf: PageSource) {
    this.nested = nested;
    this.#pageOf = pageOf;
    this.#walk = new Walk(nested.stage);
    this.#structures = new StructureCache(nested.stage);
  }

  /** @param page - guest physical */
  lookUp(page: number): void {
    if (page >= this.#first && page < this.#end) return;
    const walk = this.#walk;
    let wants = walk.start(Math.floor(page / TWO_20) | 0, page << 12, 0);
    if (wants) this.#structures.skip(walk);
    while (wants) wants = this.#feed();
    this.isMapped = walk.outcome === OUTCOME.mapped || walk.outcome === OUTCOME.denied;
    this.shift = this.#shiftOfAnswer();
    const pages = 2 ** (this.shift - 12);
    // Most pages are small, and a remainder of numbers that are no 32-bit integers takes as long as all the rest.
    this.#first = pages === 1 ? page : page - (page % pages);
    this.#end = this.#first + pages;
    this.#l1First = Math.floor(walk.physical / PAGE_BYTES) - (page - this.#first);
  }

  /** Where a page of the last answer is in L1 memory; good when it is mapped. */
  l1PageOf(page: number): number {
    return this.#l1First + (page - this.#first);
  }

  /** Whether the last answer's page may be accessed so: ACCESS bits of the second stage. */
  allows(access: number): boolean {
    const { rules, policy } = this.nested.stage;
    return this.isMapped && rules.judge(policy, this.#walk, access) === 0;
  }

  #feed(): boolean {
    const walk = this.#walk;
    const words = this.#pageOf(Math.floor(walk.wanted / PAGE_BYTES), walk.levelAt(walk.depth));
    if (words !== null) this.#structures.keep(walk);
    return feedFromPage(walk, words);
  }

  /** What one entry says holds for all that it maps, or fails to map; a table that is in no memory maps nothing. */
  #shiftOfAnswer(): number {
    const { depth, context } = this.#walk;
    return context.levels[depth - 1]?.shift ?? WIDEST_SHIFT;
  }
}
