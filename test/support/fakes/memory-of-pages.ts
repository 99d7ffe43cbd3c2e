import { MemoryMap } from '../../../src/guest/memory/memory-map.ts';
import type { MemoryPiece, PhysicalMemory } from '../../../src/guest/memory/physical-memory.ts';
import type { SparseMemory } from '../builders/sparse-memory.ts';
import { region } from './region.ts';

/** A sparse memory as a guest's: what is where, and a way to read it. */
export function memoryOfPages(memory: SparseMemory): { readonly map: MemoryMap; readonly memory: PhysicalMemory } {
  const pages = new Map(memory.pages().map(({ address, bytes }) => [Number(address), bytes]));
  const ascending = [...pages.keys()].sort((one, other) => one - other).map(BigInt);
  const map = new MemoryMap(ascending.map((page) => region('ram', page, page + 0xfffn)));
  const readOne = ({ address, lengthBytes }: MemoryPiece): Uint8Array => {
    const offset = address % 4096;
    const bytes = pages.get(address - offset);
    if (bytes === undefined) throw new RangeError(`0x${address.toString(16)} was read, and no memory is there`);
    return bytes.slice(offset, offset + lengthBytes);
  };
  return { map, memory: { read: (pieces) => Promise.resolve(pieces.map(readOne)) } };
}
