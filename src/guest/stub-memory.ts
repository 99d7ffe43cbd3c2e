import type { GdbClient } from '../../protocols/gdb/index.ts';
import type { MemoryPiece } from './physical-memory.ts';
import type { WritableMemory } from './write-bits.ts';

/** Guest physical memory through the stub's memory packets, in physical mode: the provider that always works. @internal */
export function stubMemory(gdb: GdbClient): WritableMemory {
  return {
    read: (pieces: readonly MemoryPiece[]) =>
      gdb.readMemoryMany(pieces.map(({ address, length }) => ({ address, lengthBytes: length }))),
    write: (address, bytes) => gdb.writeMemory(address, bytes),
  };
}
