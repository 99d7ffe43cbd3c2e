import type { TableSnapshot } from '../../../guest/index.ts';

const PAGE_BYTES = 4096;
const PRESENT = 1;
/** Bits 5 and 6: a walk sets the first. */
const USAGE = 0x60;

/** What a root table held, to be told from what its page holds once the process has ended and the page is used anew. @internal */
export class RootEntries {
  readonly #words: Int32Array;
  readonly #wordsOfEntry: 1 | 2;

  constructor({ context, tables }: TableSnapshot) {
    const root = Number(context.root);
    const [, words = new Int32Array()] = tables.find(([page]) => page === Math.floor(root / PAGE_BYTES)) ?? [];
    const from = (root % PAGE_BYTES) / 4;
    this.#words = words.slice(from, context.mode === 'pae' ? from + 8 : undefined);
    this.#wordsOfEntry = context.mode === '32-bit' ? 1 : 2;
  }

  /** Half of them are enough: a process comes and goes with entries of its own, and those of its kernel stay. */
  areMostlyThoseOf(before: RootEntries): boolean {
    const step = before.#wordsOfEntry;
    let present = 0;
    let kept = 0;
    for (let at = 0; at < before.#words.length; at += step) {
      const low = before.#words[at] ?? 0;
      if ((low & PRESENT) === 0) continue;
      present += 1;
      const isSameLow = (((this.#words[at] ?? 0) ^ low) & ~USAGE) === 0;
      if (isSameLow && (step === 1 || this.#words[at + 1] === before.#words[at + 1])) kept += 1;
    }
    return step === this.#wordsOfEntry && 2 * kept >= present;
  }
}
