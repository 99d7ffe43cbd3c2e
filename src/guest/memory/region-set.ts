import type { MemoryMap, Region, RegionKind } from './memory-map.ts';

/** One thing at physical addresses, whatever part of it is seen where. @public */
export type NamedRegion = Pick<Region, 'kind' | 'name'>;

/** A set of regions: one bit per region in a 30-bit mask; the last bit is shared by the rest. */
const BITS = 30;
const PAGE_BYTES = 4096;
/** RAM and ROM first: tables and most pages lie there, and devices are many. */
const ORDER: readonly RegionKind[] = ['ram', 'rom', 'none', 'device'];

/** Says by bits of a number which regions lie at physical pages. @internal */
export class RegionSet {
  readonly #map: MemoryMap;
  readonly #named: readonly NamedRegion[];
  readonly #bitOf = new Map<string, number>();
  /** Pages come one after the other, and mostly lie where the last did: its bytes, and its bit. */
  #lastFirst = 0;
  #lastLast = -1;
  #lastBit = 0;

  constructor(map: MemoryMap) {
    this.#map = map;
    const byKey = new Map<string, NamedRegion>();
    for (const { kind, name } of [{ kind: 'none', name: map.elsewhere } as const, ...map.regions]) {
      const key = keyOf({ kind, name });
      if (!byKey.has(key)) byKey.set(key, { kind, name });
    }
    const all = [...byKey.values()];
    all.sort((one, other) => ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind));
    this.#named = [
      ...all.slice(0, BITS - 1),
      ...(all.length < BITS ? [] : [{ kind: 'device', name: 'others' } as const]),
    ];
    all.forEach((region, at) => {
      this.#bitOf.set(keyOf(region), 1 << Math.min(at, BITS - 1));
    });
  }

  /** The regions at pages of physical memory, as bits. Physical addresses have at most 52 bits: numbers hold them. */
  classify(firstPage: number, lastPage: number): number {
    const end = lastPage * PAGE_BYTES + PAGE_BYTES - 1;
    let address = firstPage * PAGE_BYTES;
    if (address >= this.#lastFirst && end <= this.#lastLast) return this.#lastBit;
    let bits = 0;
    while (address <= end) {
      const region = this.#map.regionFrom(BigInt(address));
      this.#lastFirst = Number(region.first);
      this.#lastLast = Number(region.last);
      this.#lastBit = this.#bitOf.get(keyOf(region)) ?? 0;
      bits |= this.#lastBit;
      address = this.#lastLast + 1;
    }
    return bits;
  }

  /** What bit n stands for. */
  get names(): readonly NamedRegion[] {
    return this.#named;
  }

  /** The bit of one region. */
  classOf(region: NamedRegion): number {
    return this.#bitOf.get(keyOf(region)) ?? 0;
  }

  /** The regions that bits stand for. */
  decode(bits: number): readonly NamedRegion[] {
    return this.#named.filter((_, at) => (bits & (1 << at)) !== 0);
  }
}

function keyOf({ kind, name }: NamedRegion): string {
  return `${kind} ${name}`;
}
