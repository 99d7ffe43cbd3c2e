const PAGE_BYTES = 4096;

/** A walk that waits for an entry, through one stage or two. @internal */
export interface WaitingWalk {
  /** Physical address of the entry that is wanted, and its bytes. */
  readonly wanted: number;
  readonly wantedSizeBytes: 4 | 8;
  feed(low: number, high: number): boolean;
  feedUnbacked(): void;
}

/**
 * Feeds a walk the entry that it wants out of the page that has it.
 *
 * @param words - of that page; null where the entry is in no memory
 * @param first - which of them is the page's first, where there are more
 * @returns whether another entry is wanted
 * @internal
 */
export function feedFromPage(walk: WaitingWalk, words: Int32Array | null, first = 0): boolean {
  if (words === null) {
    walk.feedUnbacked();
    return false;
  }
  const at = first + ((walk.wanted & (PAGE_BYTES - 1)) >> 2);
  return walk.feed(words[at] as number, walk.wantedSizeBytes === 8 ? (words[at + 1] as number) : 0);
}
