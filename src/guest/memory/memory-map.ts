import { type FlatRange, type FlatRangeType, type FlatView, selectFlatView } from '../../../protocols/qmp/index.ts';
import { asAnswer } from '../../paging/index.ts';
import { GuestStateError } from '../errors.ts';
import type { MemoryPiece } from './physical-memory.ts';

/** What backs a guest physical address. @public */
export type RegionKind = 'ram' | 'rom' | 'device' | 'none';

/** A range of guest physical addresses with one thing behind it. @public */
export interface Region {
  readonly kind: RegionKind;
  /** QEMU's name of the memory region (`pc.ram`); empty where nothing is. */
  readonly name: string;
  readonly first: bigint;
  /** Inclusive. */
  readonly last: bigint;
  /** Where `first` lies in the memory region, and for RAM in its RAM block. */
  readonly offset: bigint;
  /**
   * SMRAM, which only a vCPU in system management mode sees: the GDB stub and the monitor show something else at these
   * addresses, and it is never written.
   */
  readonly onlyInSmm?: true;
}

/** A range of a vCPU's view. @internal */
export interface ViewRange extends FlatRange {
  readonly onlyInSmm?: true;
}

interface Span {
  readonly region: Region;
  readonly first: number;
  readonly last: number;
}

const PHYSICAL_END = 2 ** 52 - 1;

/**
 * RAM and ROM can be looked at without anyone noticing. Device memory can change when it is read: `i/o` by definition, and
 * `ramd` is a device's own memory (a passed-through BAR), so it is read by hardware. `romd` is a flash device in its array
 * mode: reads are plain memory, but a write would be a command to it, hence ROM.
 */
const KIND_OF_TYPE: Readonly<Record<FlatRangeType, RegionKind>> = {
  ram: 'ram',
  rom: 'rom',
  romd: 'rom',
  ramd: 'device',
  'i/o': 'device',
};

function toSpan(range: ViewRange): Span {
  const { first, last, name, offset } = range;
  const region = asAnswer<Region>({
    kind: KIND_OF_TYPE[range.type],
    name,
    first,
    last,
    offset,
    ...(range.onlyInSmm ? { onlyInSmm: true as const } : {}),
  });
  return { region, first: Number(first), last: last > BigInt(PHYSICAL_END) ? PHYSICAL_END : Number(last) };
}

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
  readonly #spans: readonly Span[];

  /** @param ranges - in ascending order, not overlapping, as QEMU prints a flat view */
  constructor(ranges: readonly ViewRange[]) {
    this.#spans = ranges.map(toSpan);
    this.regions = this.#spans.map(({ region }) => region);
    this.hasSmram = this.regions.some(({ kind, onlyInSmm }) => isMemory(kind) && onlyInSmm === true);
  }

  /** The region that an address lies in. */
  regionAt(address: bigint): Region {
    const span = address <= BigInt(PHYSICAL_END) ? this.#spanAt(Number(address)) : undefined;
    return span?.region ?? asAnswer<Region>({ kind: 'none', name: '', first: address, last: address, offset: 0n });
  }

  /** The region that an address lies in, from that address on; where nothing is, up to where something is again. */
  regionFrom(address: bigint): Region {
    const region = this.regionAt(address);
    if (region.kind !== 'none') return region;
    const next =
      address > BigInt(PHYSICAL_END) ? undefined : this.#spans[this.#endingBefore(Number(address))]?.region.first;
    return asAnswer({ ...region, last: next === undefined ? BigInt.asUintN(64, -1n) : next - 1n });
  }

  /** Whether a piece lies wholly in one RAM or ROM region, so that reading it has no side effect. */
  isReadable(address: number, length: number): boolean {
    const span = this.#spanAt(address);
    return span !== undefined && address + length - 1 <= span.last && isMemory(span.region.kind);
  }

  /** Whether a piece lies wholly in one RAM region. */
  isWritable(address: number, length: number): boolean {
    if (!this.isReadable(address, length)) return false;
    const region = this.#spanAt(address)?.region;
    return region?.kind === 'ram' && region.onlyInSmm !== true;
  }

  /** Whether an address lies in SMRAM, which only the vCPU sees. */
  isOnlyInSmm(address: number): boolean {
    return this.hasSmram && this.#spanAt(address)?.region.onlyInSmm === true;
  }

  /** The pieces of a range that lie in RAM or ROM. */
  readableParts(address: number, length: number): MemoryPiece[] {
    const last = address + length - 1;
    const parts: MemoryPiece[] = [];
    for (let index = this.#endingBefore(address); index < this.#spans.length; index++) {
      const span = this.#spans[index] as Span;
      if (span.first > last) break;
      const from = Math.max(address, span.first);
      if (isMemory(span.region.kind)) parts.push({ address: from, length: Math.min(last, span.last) - from + 1 });
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

function isMemory(kind: RegionKind): boolean {
  return kind === 'ram' || kind === 'rom';
}

function sameBacking(range: FlatRange, other: FlatRange): boolean {
  return range.name === other.name && range.offset - range.first === other.offset - other.first;
}

/**
 * Tells the parts of a vCPU's view that the stub's physical mode sees too from the others: it reads the address space `memory`,
 * whatever view the vCPU has (QEMU 7.2 and 10.0). What differs is SMRAM while the vCPU is in system management mode.
 */
function markOnlyInSmm(view: FlatView, systemView: FlatView): ViewRange[] {
  // Both ascend: what ends before this range ends before all that follow.
  let start = 0;
  return view.ranges.flatMap((range) => {
    const pieces: ViewRange[] = [];
    let next = range.first;
    while ((systemView.ranges[start]?.last ?? range.first) < range.first) start++;
    for (let index = start; index < systemView.ranges.length; index++) {
      const other = systemView.ranges[index] as FlatRange;
      if (other.first > range.last) break;
      if (!sameBacking(range, other)) continue;
      const first = higher(other.first, range.first);
      const last = lower(other.last, range.last);
      if (next < first) pieces.push({ ...cut(range, next, first - 1n), onlyInSmm: true });
      pieces.push(cut(range, first, last));
      next = last + 1n;
    }
    if (next <= range.last) pieces.push({ ...cut(range, next, range.last), onlyInSmm: true });
    return pieces;
  });
}

function higher(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

function lower(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

function cut(range: FlatRange, first: bigint, last: bigint): FlatRange {
  return { ...range, first, last, offset: range.offset + (first - range.first) };
}

/**
 * Picks the view of one vCPU out of `info mtree -f`.
 *
 * @param inSmm - the vCPU is in system-management mode, where it sees SMRAM
 * @throws {@link GuestStateError} when QEMU shows no memory at all.
 * @internal
 */
export function selectMemoryMap(views: readonly FlatView[], cpu: number, inSmm: boolean): MemoryMap {
  const system = selectFlatView(views, 'memory');
  if (system === undefined) throw new GuestStateError('info mtree -f shows no address space "memory"');
  const own =
    // One for each vCPU under TCG, one for all under KVM.
    (inSmm ? (selectFlatView(views, `cpu-smm-${cpu}`) ?? selectFlatView(views, 'KVM-SMRAM')) : undefined) ??
    selectFlatView(views, `cpu-memory-${cpu}`) ??
    system;
  return new MemoryMap(own === system ? system.ranges : markOnlyInSmm(own, system));
}
