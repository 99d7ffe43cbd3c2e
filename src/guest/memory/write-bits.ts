import type { PlannedBits } from '../../paging/index.ts';
import type { MemoryMap } from './memory-map.ts';
import type { PhysicalMemory } from './physical-memory.ts';

/** Memory that can also be written. Writes and reads issued together travel together, and take effect in order. @public */
export interface WritableMemory extends PhysicalMemory {
  /**
   * Comes before writes that are issued together.
   *
   * @throws where nothing may be written any more: another client has resumed the guest, and what was read is out of date
   */
  prepare?(): Promise<void>;
  write(address: number, bytes: Uint8Array): Promise<void>;
}

/** What became of the bits planned for one entry. @internal */
export type BitsOutcome = 'written' | 'read-only' | 'changed' | 'not-taken';

interface Target {
  readonly address: number;
  readonly sizeBytes: 4 | 8;
  readonly value: bigint;
  /** The bits to set, where they are in the entry. */
  bits: bigint;
}

/** The byte of an entry that holds its A and D: the lowest, and in an EPT entry the one above. */
function byteToWrite({ address, value, bits }: Target): { address: number; bits: number; byte: number } {
  const at = (bits & 0xffn) === 0n ? 1 : 0;
  const shift = BigInt(8 * at);
  const set = Number((bits >> shift) & 0xffn);
  return { address: address + at, bits: set, byte: Number((value >> shift) & 0xffn) | set };
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let at = bytes.length - 1; at >= 0; at -= 1) value = (value << 8n) | BigInt(bytes[at] ?? 0);
  return value;
}

/** Several walks may plan bits in one entry: their bits are one write. */
function mergeByEntry(planned: readonly PlannedBits[]): Map<bigint, Target> {
  const targets = new Map<bigint, Target>();
  for (const { address, sizeBytes, value, accessed, dirty, usageBits } of planned) {
    const target = targets.get(address) ?? { address: Number(address), sizeBytes, value, bits: 0n };
    target.bits |= (accessed ? usageBits.accessed : 0n) | (dirty ? usageBits.dirty : 0n);
    targets.set(address, target);
  }
  return targets;
}

/**
 * Sets accessed and dirty bits in guest memory: the one byte that holds them, in RAM only, and only where the entry still is
 * what the walk saw. Two flights: the entries are read again, then all writes go out together with the reads that check them.
 *
 * The guest is paused, so only another debugger can come between the flights; the comparison is against a guest
 * that was resumed and stopped again behind our back. One that is resumed between the flights is known by then, but for the time
 * that a byte takes to the stub: QEMU knows no write that compares.
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
    if (map.isWritable(target.address, target.sizeBytes)) candidates.push([address, target]);
    else outcomes.set(address, 'read-only');
  }
  const unchanged = await keepUnchanged(candidates, memory, outcomes);
  if (unchanged.length > 0) await memory.prepare?.();
  const bytes = unchanged.map(([entry, target]) => ({ entry, ...byteToWrite(target) }));
  const writes = bytes.map(({ address, byte }) => memory.write(address, Uint8Array.of(byte)));
  const [readBack] = await Promise.all([
    memory.read(bytes.map(({ address }) => ({ address, lengthBytes: 1 }))),
    ...writes,
  ]);
  bytes.forEach(({ entry, bits }, at) => {
    const taken = ((readBack[at]?.[0] ?? 0) & bits) === bits;
    outcomes.set(entry, taken ? 'written' : 'not-taken');
  });
  return outcomes;
}

async function keepUnchanged(
  candidates: readonly [bigint, Target][],
  memory: PhysicalMemory,
  outcomes: Map<bigint, BitsOutcome>,
): Promise<[bigint, Target][]> {
  const pieces = candidates.map(([, { address, sizeBytes }]) => ({ address, lengthBytes: sizeBytes }));
  const seen = await memory.read(pieces);
  return candidates.filter(([address, { value }], at) => {
    const same = littleEndian(seen[at] ?? new Uint8Array()) === value;
    if (!same) outcomes.set(address, 'changed');
    return same;
  });
}
