import { KERNEL_END } from '../../processor-rig/layout.ts';
import { type Marker, markerNumber, writeMarkers } from '../../processor-rig/marker.ts';
import { type Place, RigMemory } from '../../processor-rig/memory/rig-memory.ts';
import { ARENA_BYTES, FRAMES_BYTES, GUEST_PML4, WINDOW_CODE, WINDOW_TABLES_END } from '../layout.ts';

const PAGE = 4096;

/**
 * Every 16 bytes of pages: `mov eax, number; vmmcall`, and code that stops the translator. Taken for a descriptor, the first
 * eight are none of a segment: their S bit is 0.
 *
 * ```
 *   b8 nn nn nn nn 0f 01 d9   cc cc cc cc cc cc cc cc
 * ```
 */
const MARKER: Marker = { code: 0xd901_0f00, rest: [0xcccc_cccc, 0xcccc_cccc] };

/** The memory of a hypervisor kernel: frames full of markers or tables of the guest, and nested tables. */
export class HostMemory extends RigMemory {
  /** Which kinds of frames, by bits 14:12 of their addresses, hold tables. */
  readonly tableKinds = new Set<number>();

  /** @param image - the kernel, with what the host changed in its tables */
  constructor(highBase: number | null, image: Buffer) {
    super(highBase, image, { arenaBytes: ARENA_BYTES, windowTables: { start: GUEST_PML4, end: WINDOW_TABLES_END } });
  }

  override placeOf(address: number): Place {
    return address >= WINDOW_CODE && address < WINDOW_CODE + 2 * PAGE ? 'window' : super.placeOf(address);
  }

  protected override placeInArena(offset: number): Place {
    return offset >= FRAMES_BYTES || this.tableKinds.has(kindOf(offset)) ? 'tables' : 'pages';
  }

  /** Empties the arenas. Frames of other kinds than these are filled with markers, these and the rest are zero. */
  clear(tableKinds: readonly number[]): void {
    this.vitalUnits.clear();
    this.tableKinds.clear();
    for (const kind of tableKinds) this.tableKinds.add(kind);
    for (const { base, bytes } of this.arenas) {
      bytes.fill(0);
      for (let frame = 0; frame < FRAMES_BYTES; frame += PAGE) {
        if (this.tableKinds.has(kindOf(frame))) continue;
        writeMarkers(bytes.subarray(frame, frame + PAGE), markerNumber(this, base + frame), MARKER);
      }
    }
  }

  /** Whether a probe that stores to the eight bytes would take from the guest what it runs on. */
  isVital(unit: number): boolean {
    return this.vitalUnits.has(unit) || unit < KERNEL_END;
  }
}

/** What a frame holds, by its address or a guest-physical one that leads to it. */
export function kindOf(address: number): number {
  return Math.floor(address / PAGE) % 8;
}
