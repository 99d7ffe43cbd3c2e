import { asAnswer, formatHex } from '../../paging/internal.ts';
import { GuestUsageError } from '../errors.ts';
import type { MemoryPiece } from './physical-memory.ts';

/**
 * What backs a guest physical address. Reading `ram` and `rom` has no effect on the guest; `device` is everything that may
 * change when it is looked at, and is never read. What a write would be a command to is `rom`.
 *
 * @public
 */
export type RegionKind = 'ram' | 'rom' | 'device' | 'none';

/** A range of guest physical addresses with one thing behind it. @public */
export interface Region {
  readonly kind: RegionKind;
  /** Its name where it comes from (`pc.ram`); empty where nothing is. */
  readonly name: string;
  readonly first: bigint;
  /** Inclusive. */
  readonly last: bigint;
  /** Where `first` lies in what has that name: in QEMU's memory region, and for RAM in its RAM block. */
  readonly offset: bigint;
  /**
   * SMRAM, which only a vCPU in system management mode sees: the GDB stub and the monitor show something else at these
   * addresses, and it is never written.
   */
  readonly onlyInSmm?: true;
}

interface Span {
  readonly region: Region;
  readonly first: number;
  readonly last: number;
}

const PHYSICAL_END = 2 ** 52 - 1;

/**
 * What lies at each guest physical address, as one vCPU sees it: the judge of every read and write.
 *
 * @public
 */
export class MemoryMap {
  /** All regions in ascending order; gaps between them have nothing behind them. */
  readonly regions: readonly Region[];
  /** Whether there is SMRAM in this view. */
  readonly hasSmram: boolean;
  /** The name of what lies between the regions: empty where that is nothing, and is known to be. */
  readonly elsewhere: string;
  readonly #spans: readonly Span[];

  /**
   * @param regions - in ascending order, not overlapping
   * @param elsewhere - what lies between them, where that is not nothing: `not in the dump`
   * @throws GuestUsageError `ERR_GUEST_USAGE` when they are not
   */
  constructor(regions: readonly Region[], elsewhere = '') {
    this.elsewhere = elsewhere;
    this.#spans = regions.map(toSpan);
    this.regions = this.#spans.map(({ region }) => region);
    this.regions.forEach((region, at) => {
      requireOrder(region, regions[at - 1]);
    });
    this.hasSmram = this.regions.some(({ kind, onlyInSmm }) => isMemory(kind) && onlyInSmm === true);
  }

  /** The region that an address lies in. */
  regionAt(address: bigint): Region {
    const span = address <= BigInt(PHYSICAL_END) ? this.#spanAt(Number(address)) : undefined;
    return (
      span?.region ??
      asAnswer<Region>({ kind: 'none', name: this.elsewhere, first: address, last: address, offset: 0n })
    );
  }

  /** The region that an address lies in, from that address on; where nothing is, up to where something is again. */
  regionFrom(address: bigint): Region {
    const isFormed = address <= BigInt(PHYSICAL_END);
    const span = isFormed ? this.#spanAt(Number(address)) : undefined;
    // A region of its own may be one of nothing, too: what a dump was made without.
    if (span !== undefined) return span.region;
    const region = this.regionAt(address);
    const next = !isFormed ? undefined : this.#spans[this.#endingBefore(Number(address))]?.region.first;
    return asAnswer({ ...region, last: next === undefined ? BigInt.asUintN(64, -1n) : next - 1n });
  }

  /** Whether a piece lies wholly in one RAM or ROM region, so that reading it has no side effect. */
  isReadable(address: number, lengthBytes: number): boolean {
    const span = this.#spanAt(address);
    return span !== undefined && address + lengthBytes - 1 <= span.last && isMemory(span.region.kind);
  }

  /** Whether a piece lies wholly in one RAM region. */
  isWritable(address: number, lengthBytes: number): boolean {
    if (!this.isReadable(address, lengthBytes)) return false;
    const region = this.#spanAt(address)?.region;
    return region?.kind === 'ram' && region.onlyInSmm !== true;
  }

  /** Whether an address lies in SMRAM, which only the vCPU sees. */
  isOnlyInSmm(address: number): boolean {
    return this.hasSmram && this.#spanAt(address)?.region.onlyInSmm === true;
  }

  /** The pieces of a range that lie in RAM or ROM. */
  readableParts(address: number, lengthBytes: number): MemoryPiece[] {
    const last = address + lengthBytes - 1;
    const parts: MemoryPiece[] = [];
    for (let index = this.#endingBefore(address); index < this.#spans.length; index++) {
      const span = this.#spans[index] as Span;
      if (span.first > last) break;
      const from = Math.max(address, span.first);
      if (isMemory(span.region.kind)) parts.push({ address: from, lengthBytes: Math.min(last, span.last) - from + 1 });
    }
    return parts;
  }

  #spanAt(address: number): Span | undefined {
    const span = this.#spans[this.#endingBefore(address)];
    return span !== undefined && span.first <= address ? span : undefined;
  }

  /** How many spans end before an address: the index of the one that it lies in, or else of the next. */
  #endingBefore(address: number): number {
    let low = 0;
    let high = this.#spans.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#spans[middle] as Span).last < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** `BigInt(number)` costs more than a search: spans have both. */
function toSpan(given: Region): Span {
  const region = asAnswer<Region>({ ...given });
  const { first, last } = region;
  return { region, first: Number(first), last: last > BigInt(PHYSICAL_END) ? PHYSICAL_END : Number(last) };
}

/** Regions are looked up by halving. */
function requireOrder({ name, first, last }: Region, before: Region | undefined): void {
  if (last >= first && (before === undefined || first > before.last)) return;
  const range = `${formatHex(first)}-${formatHex(last)}`;
  throw new GuestUsageError(
    `the region ${JSON.stringify(name)} at ${range} ends before it begins, or does not come after the one before it`,
  );
}

function isMemory(kind: RegionKind): boolean {
  return kind === 'ram' || kind === 'rom';
}
