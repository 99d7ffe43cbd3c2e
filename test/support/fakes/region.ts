import type { Region, RegionKind } from '../../../src/guest/memory/memory-map.ts';

/** A region of a memory map; `last` is inclusive. */
export function region(kind: RegionKind, first: bigint, last: bigint, name = 'pc.ram', offset = first): Region {
  return { kind, name, first, last, offset };
}
