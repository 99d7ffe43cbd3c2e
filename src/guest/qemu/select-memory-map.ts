import { type FlatRange, type FlatRangeType, type FlatView, selectFlatView } from '../../../protocols/qmp/index.ts';
import { GuestStateError } from '../errors.ts';
import { MemoryMap, type Region, type RegionKind } from '../memory/memory-map.ts';

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

function sameBacking(range: FlatRange, other: FlatRange): boolean {
  return range.name === other.name && range.offset - range.first === other.offset - other.first;
}

/**
 * Tells the parts of a vCPU's view that the stub's physical mode sees too from the others: it reads the address space `memory`,
 * whatever view the vCPU has (QEMU 7.2 and 10.0). What differs is SMRAM while the vCPU is in system management mode.
 */
function markOnlyInSmm(view: FlatView, systemView: FlatView): Region[] {
  // Both ascend: what ends before this range ends before all that follow.
  let start = 0;
  return view.ranges.flatMap((range) => {
    const pieces: Region[] = [];
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

/** A part of a range. */
function cut({ type, name, offset, first: start }: FlatRange, first: bigint, last: bigint): Region {
  return { kind: KIND_OF_TYPE[type], name, first, last, offset: offset + (first - start) };
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
  if (own !== system) return new MemoryMap(markOnlyInSmm(own, system));
  return new MemoryMap(system.ranges.map((range) => cut(range, range.first, range.last)));
}
