import type { PageSource } from '../../../src/paging/index.ts';
import type { SparseMemory } from '../builders/sparse-memory.ts';

/** A sparse memory as an enumeration reads it: as it is now. */
export function pageSourceOf(memory: SparseMemory): PageSource {
  const pages = new Map(
    memory.pages().map(({ address, bytes }) => [Number(address >> 12n), new Int32Array(bytes.slice().buffer)]),
  );
  return (page) => pages.get(page) ?? null;
}
