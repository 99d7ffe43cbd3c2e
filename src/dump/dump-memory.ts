import type { MemoryPiece, PhysicalMemory } from '../guest/index.ts';
import type { DumpImage } from './formats/dump-image.ts';

/**
 * Guest memory out of a dump. Pieces are read in the order of their addresses, which is that of the file as a rule: a disk reads
 * ahead.
 *
 * @param onLeftOut - told once, when a page was read that the dump was made without
 * @internal
 */
export function dumpMemory(image: DumpImage, onLeftOut: () => void): PhysicalMemory {
  let isTold = false;
  return {
    async read(pieces, targets) {
      const results = pieces.map(({ lengthBytes }, at) => targets?.[at] ?? new Uint8Array(lengthBytes));
      for (const at of inOrder(pieces)) {
        const [piece, target] = [pieces[at], results[at]];
        if (piece !== undefined && target !== undefined) image.readInto(piece.address, target);
      }
      if (!isTold && image.pagesLeftOut > 0) {
        isTold = true;
        onLeftOut();
      }
      return results;
    },
  };
}

function inOrder(pieces: readonly MemoryPiece[]): readonly number[] {
  return pieces.map((_, at) => at).sort((one, other) => (pieces[one]?.address ?? 0) - (pieces[other]?.address ?? 0));
}
