import type { PhysicalMemory } from '../../guest/index.ts';
import { formatHex } from '../../paging/index.ts';
import type { TableStore } from '../../picture/internal.ts';

const PAGE_BYTES = 4096;

/** The tables of a moment as guest memory: all that walks read. @internal */
export function memoryOfTables(tables: TableStore): PhysicalMemory {
  return {
    read: async (pieces, targets) =>
      pieces.map(({ address, lengthBytes }, at) => {
        const page = Math.floor(address / PAGE_BYTES);
        const words = tables.words(page);
        if (words === null) {
          throw new RangeError(
            `the page of tables at ${formatHex(page * PAGE_BYTES)} was not read: the map is of a part of the address space`,
          );
        }
        const bytes = new Uint8Array(words.buffer, words.byteOffset + (address - page * PAGE_BYTES), lengthBytes);
        const target = targets?.[at] ?? new Uint8Array(lengthBytes);
        target.set(bytes);
        return target;
      }),
  };
}
