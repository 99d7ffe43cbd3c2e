import type { TableSnapshot } from '../../../guest/index.ts';
import type { PagingContext } from '../../../paging/index.ts';

const PAGE_BYTES = 4096;
const PRESENT = 1;
/** Bits 5 and 6: a walk sets the first. */
const USAGE = 0x60;

interface RootSource extends Pick<TableSnapshot, 'tables'> {
  readonly context: Pick<PagingContext, 'mode' | 'root'>;
}

/** What a root table held, to be told from what its page holds once the process has ended and the page is used anew. @internal */
export class RootEntries {
  readonly #words: Int32Array;
  readonly #wordsOfEntry: 1 | 2;

  constructor({ context, tables }: RootSource) {
    const root = Number(context.root);
    const [, words = new Int32Array()] = tables.find(([page]) => page === Math.floor(root / PAGE_BYTES)) ?? [];
    const from = (root % PAGE_BYTES) / 4;
    this.#words = words.slice(from, context.mode === 'pae' ? from + 8 : undefined);
    this.#wordsOfEntry = context.mode === '32-bit' ? 1 : 2;
  }

  /**
   * Whether it is the table of the same process: half of the entries are enough, as some come and go. A kernel has the same ones in the
   * tables of all its processes, so that of the lower half, which is theirs, one has to be among them.
   */
  isOfProcessOf(before: RootEntries): boolean {
    const half = before.#words.length / 2;
    const lower = this.#keptOf(before, 0, half);
    const upper = this.#keptOf(before, half, 2 * half);
    const isMostlyKept = 2 * (lower.kept + upper.kept) >= lower.present + upper.present;
    return isMostlyKept && (lower.kept > 0 || lower.present === 0);
  }

  /** How many entries were there in a part, and are. */
  #keptOf(before: RootEntries, from: number, to: number): { readonly present: number; readonly kept: number } {
    const step = before.#wordsOfEntry;
    let [present, kept] = [0, 0];
    for (let at = from; at < to; at += step) {
      const low = before.#words[at] ?? 0;
      if ((low & PRESENT) === 0) continue;
      present += 1;
      const isSameLow = (((this.#words[at] ?? 0) ^ low) & ~USAGE) === 0;
      if (isSameLow && (step === 1 || this.#words[at + 1] === before.#words[at + 1])) kept += 1;
    }
    return { present, kept: step === this.#wordsOfEntry ? kept : 0 };
  }
}
