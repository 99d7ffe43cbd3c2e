import type { PlannedBits } from '../paging/index.ts';
import type { MemoryMap } from './memory-map.ts';
import type { PhysicalMemory } from './physical-memory.ts';

/** Memory that can also be written. Writes and reads issued together travel together, and take effect in order. @internal */
export interface WritableMemory extends PhysicalMemory {
  write(address: number, bytes: Uint8Array): Promise<void>;
}

/** What became of the bits planned for one entry. @internal */
export type BitsOutcome = 'written' | 'read-only' | 'changed' | 'not-taken';

/** The bits of an entry's lowest byte. */
const A = 0x20;
const D = 0x40;

interface Target {
  readonly address: number;
  readonly size: 4 | 8;
  readonly value: bigint;
  bits: number;
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let at = bytes.length - 1; at >= 0; at -= 1) value = (value << 8n) | BigInt(bytes[at] ?? 0);
  return value;
}

/** Several walks may plan bits in one entry: their bits are one write. */
function mergeByEntry(planned: readonly PlannedBits[]): Map<bigint, Target> {
  const targets = new Map<bigint, Target>();
  for (const { address, size, value, accessed, dirty } of planned) {
    const target = targets.get(address) ?? { address: Number(address), size, value, bits: 0 };
    target.bits |= (accessed ? A : 0) | (dirty ? D : 0);
    targets.set(address, target);
  }
  return targets;
}

/**
 * Sets accessed and dirty bits in guest memory: the one byte that holds them, in RAM only, and only where the entry still is
 * what the walk saw. Two flights: the entries are read again, then all writes go out together with the reads that check them.
 *
 * The guest stands still, so nobody but another debugger can come between the flights; the comparison is against a guest
 * that was resumed and stopped again behind our back.
 *
 * @returns what became of each planned entry, by its address
 * @internal
 */
export async function writeBits(
  planned: readonly PlannedBits[],
  memory: WritableMemory,
  map: MemoryMap,
): Promise<ReadonlyMap<bigint, BitsOutcome>> {
  const outcomes = new Map<bigint, BitsOutcome>();
  const candidates: [bigint, Target][] = [];
  for (const [address, target] of mergeByEntry(planned)) {
    if (map.isWritable(target.address, target.size)) candidates.push([address, target]);
    else outcomes.set(address, 'read-only');
  }
  const unchanged = await keepUnchanged(candidates, memory, outcomes);
  const pieces = unchanged.map(([, { address }]) => ({ address, length: 1 }));
  const writes = unchanged.map(([, { address, value, bits }]) =>
    memory.write(address, Uint8Array.of(Number(value & 0xffn) | bits)),
  );
  const [readBack] = await Promise.all([memory.read(pieces), ...writes]);
  unchanged.forEach(([address, { bits }], at) => {
    const taken = ((readBack[at]?.[0] ?? 0) & bits) === bits;
    outcomes.set(address, taken ? 'written' : 'not-taken');
  });
  return outcomes;
}

async function keepUnchanged(
  candidates: readonly [bigint, Target][],
  memory: PhysicalMemory,
  outcomes: Map<bigint, BitsOutcome>,
): Promise<[bigint, Target][]> {
  const pieces = candidates.map(([, { address, size }]) => ({ address, length: size }));
  const seen = await memory.read(pieces);
  return candidates.filter(([address, { value }], at) => {
    const same = littleEndian(seen[at] ?? new Uint8Array()) === value;
    if (!same) outcomes.set(address, 'changed');
    return same;
  });
}
