import type { SparseMemory } from '../builders/sparse-memory.ts';

/** A sparse memory as enumerations and the layer of Linux read it: as it is now. */
export function pageSourceOf(memory: SparseMemory): (page: number) => Int32Array | null {
  const pages = new Map(
    memory.pages().map(({ address, bytes }) => [Number(address >> 12n), new Int32Array(bytes.slice().buffer)]),
  );
  return (page) => pages.get(page) ?? null;
}
