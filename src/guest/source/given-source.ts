import { formatHex } from '../../paging/index.ts';
import { GuestCpuError, GuestUsageError } from '../errors.ts';
import { MemoryMap, type Region } from '../memory/memory-map.ts';
import type { MemoryPiece, PhysicalMemory } from '../memory/physical-memory.ts';
import type { WritableMemory } from '../memory/write-bits.ts';
import type { SourceName } from '../source-names.ts';
import { type GivenVcpu, vcpuStateOf } from './given-vcpu.ts';
import type { GuestSource } from './guest-source.ts';

/** A guest whose registers and memory a program has of its own. @public */
export interface GivenGuest {
  readonly vcpus: readonly GivenVcpu[];
  /**
   * Guest physical memory: bytes, or a way to read them. Accessed and dirty bits can be set if it is an array of bytes, or has
   * `write`.
   */
  readonly memory: Uint8Array | PhysicalMemory | WritableMemory;
  /**
   * What lies where, in ascending order. Of an array of bytes unless given all is RAM from address 0 on; where it is given, a
   * region of RAM or ROM lies in the array from its `offset` on.
   */
  readonly regions?: readonly Region[];
  /** What values and memory come from, as answers name it: `caller` unless given. */
  readonly from?: SourceName;
  /** What registers were read from, as answers show it before each register's name. */
  readonly where?: string;
}

/**
 * A source of plain values: no QEMU, no connection, nothing to be closed.
 *
 * @example
 * ```ts
 * const registers = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n };
 * const guest = new GuestView(givenSource({ vcpus: [{ registers, features: { maxPhyAddr: 40 } }], memory: bytes }));
 * const read = { write: false, user: true, exec: false };
 * const [answer] = await guest.translate([{ linearAddress: 0x5123n, access: read }]);
 * const snapshot = await guest.snapshot();
 * snapshot.ranges(({ first, last }) => console.log(first, last));
 * snapshot.aliases({ first: 0x9000n, last: 0x9fffn }, ({ first }) => console.log(first));
 * ```
 * @throws GuestUsageError `ERR_GUEST_USAGE` for regions that are out of order, or lie outside of the bytes.
 * @public
 */
export function givenSource({ vcpus, memory, regions, from = 'caller', where }: GivenGuest): GuestSource {
  const map = new MemoryMap(regions ?? wholeOf(memory));
  const physical = memory instanceof Uint8Array ? bytesMemory(memory, map) : memory;
  const numbers = vcpus.map((_, cpu) => cpu);
  return {
    vcpus: numbers,
    async readVcpu(cpu) {
      const vcpu = vcpus[cpu];
      if (vcpu === undefined) throw new GuestCpuError(cpu, numbers);
      return { state: vcpuStateOf(vcpu, { cpu, from, ...(where === undefined ? {} : { where }) }), map };
    },
    openMemory: () => Promise.resolve({ memory: physical, report: { provider: from, attempts: [] } }),
    ...(isWritable(physical) ? { writable: physical } : {}),
  };
}

function isWritable(memory: PhysicalMemory | WritableMemory): memory is WritableMemory {
  return 'write' in memory;
}

function wholeOf(memory: Uint8Array | PhysicalMemory): readonly Region[] {
  if (!(memory instanceof Uint8Array)) {
    throw new GuestUsageError('memory that is no array of bytes needs regions: only what they name is read');
  }
  if (memory.length === 0) return [];
  return [{ kind: 'ram', name: 'memory', first: 0n, last: BigInt(memory.length) - 1n, offset: 0n }];
}

/** Every piece lies in one region, as the map has it: callers have seen to that. */
function bytesMemory(bytes: Uint8Array, map: MemoryMap): WritableMemory {
  for (const region of map.regions) requireInside(region, bytes.length);
  const placeOf = (address: number): number => {
    const { first, offset } = map.regionAt(BigInt(address));
    return Number(offset - first) + address;
  };
  const partOf = ({ address, lengthBytes }: MemoryPiece): Uint8Array => {
    const place = placeOf(address);
    return bytes.subarray(place, place + lengthBytes);
  };
  return {
    read: async (pieces, targets) =>
      pieces.map((piece, at) => {
        const target = targets?.[at] ?? new Uint8Array(piece.lengthBytes);
        target.set(partOf(piece));
        return target;
      }),
    write: async (address, written) => {
      bytes.set(written, placeOf(address));
    },
  };
}

function requireInside({ kind, name, first, last, offset }: Region, lengthBytes: number): void {
  if (kind !== 'ram' && kind !== 'rom') return;
  if (offset >= 0n && offset + last - first < BigInt(lengthBytes)) return;
  throw new GuestUsageError(
    `the region ${JSON.stringify(name)} at ${formatHex(first)}-${formatHex(last)} lies from byte ${offset} on, and there are ${lengthBytes}`,
  );
}
