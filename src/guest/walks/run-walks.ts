import type { WaitingWalk } from '../../paging/internal.ts';
import type { MemoryMap } from '../memory/memory-map.ts';
import type { MemoryPiece, PhysicalMemory } from '../memory/physical-memory.ts';

/** A walk, through one stage or two, as its driver sees it. @internal */
export interface DrivenWalk extends WaitingWalk {
  readonly isPending: boolean;
}

/**
 * Advances walks together, level by level, until all have ended: as many flights of reads as there are levels, and an entry
 * that several walks want is read once. An entry outside RAM and ROM is never read; its walk ends as unbacked.
 *
 * @param walks - started walks; those that have ended already are left alone
 * @internal
 */
export async function runWalks(walks: readonly DrivenWalk[], memory: PhysicalMemory, map: MemoryMap): Promise<void> {
  let pending = walks.filter((walk) => walk.isPending);
  while (pending.length > 0) {
    const pieces = new Map<number, MemoryPiece>();
    const readable = pending.filter((walk) => {
      const piece = { address: walk.wanted, lengthBytes: walk.wantedSizeBytes };
      if (map.isReadable(piece.address, piece.lengthBytes)) {
        pieces.set(piece.address, piece);
        return true;
      }
      walk.feedUnbacked();
      return false;
    });
    const entries = await readEntries([...pieces.values()], memory);
    pending = readable.filter((walk) => {
      const entry = entries.get(walk.wanted);
      if (entry === undefined) throw new RangeError('memory gave no bytes for an entry');
      return walk.feed(entry.getInt32(0, true), entry.byteLength === 8 ? entry.getInt32(4, true) : 0);
    });
  }
}

async function readEntries(pieces: readonly MemoryPiece[], memory: PhysicalMemory): Promise<Map<number, DataView>> {
  const entries = new Map<number, DataView>();
  const bytes = await memory.read(pieces);
  pieces.forEach((piece, at) => {
    const entry = bytes[at];
    if (entry) entries.set(piece.address, new DataView(entry.buffer, entry.byteOffset, entry.byteLength));
  });
  return entries;
}
