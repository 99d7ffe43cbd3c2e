import type { EntrySource } from '../../../src/paging/index.ts';

/** Page-table entries by physical address; no other memory exists. */
export function entryMap(entries: Readonly<Record<number, bigint>>): EntrySource {
  return { readEntry: (address) => entries[Number(address)] ?? null };
}

/** The tables of one page at linear address 0 in 4-level paging with its root at 0x1000: entries from the top. */
export function fourLevels(...entries: readonly bigint[]): EntrySource {
  return entryMap(Object.fromEntries(entries.map((entry, at) => [0x1000 * (at + 1), entry])));
}
