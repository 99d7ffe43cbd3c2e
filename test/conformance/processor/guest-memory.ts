import { ARENA_OFFSET } from '../processor-rig/layout.ts';
import { type Marker, markerNumberAt, writeMarkers } from '../processor-rig/marker.ts';
import { type Place, RigMemory } from '../processor-rig/memory/rig-memory.ts';
import { ARENA_BYTES, IMAGE_END, IMAGE_TABLES, TABLES_HALF_BYTES, TABLES_OFFSET } from './layout.ts';

/**
 * Every 16 bytes of pages: `mov eax, number; int3; nop; nop`, and a descriptor of a flat data segment for users whose accessed
 * bit is not set.
 *
 * ```
 *   b8 nn nn nn nn cc 90 90   ff ff 00 00 00 f2 cf 00
 * ```
 */
const MARKER: Marker = { code: 0x9090_cc00, rest: [0x0000_ffff, 0x00cf_f200] };
/** The descriptor's accessed bit. SDM vol. 3A, 3.4.5.1. */
export const DESCRIPTOR_ACCESSED = 1n << 40n;

/** An arena's pages are the same in every guest, and take longer to make than to copy. */
function pagesOf(isHigh: boolean): Buffer {
  const pages = knownPages.get(isHigh) ?? makePages(isHigh);
  knownPages.set(isHigh, pages);
  return pages;
}

const knownPages = new Map<boolean, Buffer>();

function makePages(isHigh: boolean): Buffer {
  const pages = Buffer.alloc(TABLES_OFFSET);
  writeMarkers(pages, markerNumberAt(ARENA_OFFSET, isHigh), MARKER);
  return pages;
}

/** The memory of a probe kernel: pages, and tables in two halves. */
export class GuestMemory extends RigMemory {
  /** Which half of the memory for tables is the batch's that probes are drawn for. */
  tablesHalf: 0 | 1 = 0;

  /** @param image - the kernel, with what the host changed in its tables */
  constructor(highBase: number | null, image: Buffer) {
    super(highBase, image, { arenaBytes: ARENA_BYTES, windowTables: { start: IMAGE_TABLES, end: IMAGE_END } });
    for (const [at, { bytes }] of this.arenas.entries()) pagesOf(at === 1).copy(bytes);
  }

  protected override placeInArena(offset: number): Place {
    const half = Math.floor((offset - TABLES_OFFSET) / TABLES_HALF_BYTES);
    if (half < 0) return 'pages';
    return half === this.tablesHalf ? 'tables' : 'forbidden';
  }
}
