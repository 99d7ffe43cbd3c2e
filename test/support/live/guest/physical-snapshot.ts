import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { QemuProcess } from '../../../../src/testing/index.ts';
import { hex } from '../../judge/describe-translation.ts';
import type { ReferenceBits } from '../../reference/reference-plan.ts';
import type { ReferenceMemory } from '../../reference/reference-translation.ts';
import type { Witness } from './witness.ts';

interface Range {
  readonly address: bigint;
  readonly isWritable: boolean;
  readonly bytes: Buffer;
}

/**
 * All RAM and ROM of a guest at one moment, as QEMU's monitor tells where they lie and what they hold; nothing else is memory.
 * What is applied to it changes the copy.
 *
 * @internal
 */
export class PhysicalSnapshot implements ReferenceMemory {
  readonly #ranges: readonly Range[];

  private constructor(ranges: readonly Range[]) {
    this.#ranges = ranges;
  }

  static async take(guest: QemuProcess, witness: Witness): Promise<PhysicalSnapshot> {
    const ranges: Range[] = [];
    for (const { first, last, kind } of memoryRanges(await witness.hmp('info mtree -f'))) {
      const filename = join(guest.directory, 'snapshot');
      await witness.execute('pmemsave', { val: first, size: last - first + 1, filename });
      ranges.push({ address: BigInt(first), isWritable: kind === 'ram', bytes: await readFile(filename) });
    }
    return new PhysicalSnapshot(ranges);
  }

  readEntry(address: bigint, sizeBytes: 4 | 8): bigint | null {
    const found = this.#find(address, sizeBytes);
    if (found === undefined) return null;
    const { bytes } = found.range;
    return sizeBytes === 8 ? bytes.readBigUInt64LE(found.offset) : BigInt(bytes.readUInt32LE(found.offset));
  }

  /** Whether a bit that is set in this entry stays. */
  isWritable(address: bigint, sizeBytes: 4 | 8): boolean {
    return this.#find(address, sizeBytes)?.range.isWritable === true;
  }

  /** Sets A and D where there is RAM. */
  apply(bits: readonly ReferenceBits[]): void {
    for (const { address, accessed, dirty } of bits) {
      const found = this.#find(address, 4);
      if (!found?.range.isWritable) continue;
      const { bytes } = found.range;
      bytes[found.offset] = (bytes[found.offset] ?? 0) | (accessed ? 0x20 : 0) | (dirty ? 0x40 : 0);
    }
  }

  /** The bytes that differ, as `address: this one's other's`; at most 20. */
  differences(other: PhysicalSnapshot): string[] {
    const lines: string[] = [];
    this.#ranges.forEach(({ address, bytes }, at) => {
      const others = other.#ranges[at]?.bytes ?? Buffer.alloc(0);
      if (bytes.equals(others)) return;
      for (let offset = 0; offset < bytes.length && lines.length < 20; offset += 1) {
        const [mine, its] = [bytes[offset] ?? 0, others[offset] ?? 0];
        if (mine !== its) lines.push(`${hex(address + BigInt(offset))}: ${hex(BigInt(mine))} ${hex(BigInt(its))}`);
      }
    });
    return lines;
  }

  #find(address: bigint, sizeBytes: number): { range: Range; offset: number } | undefined {
    const range = this.#ranges.find(
      (candidate) =>
        address >= candidate.address &&
        address + BigInt(sizeBytes) <= candidate.address + BigInt(candidate.bytes.length),
    );
    return range && { range, offset: Number(address - range.address) };
  }
}

/** The RAM and ROM of the first CPU's address space, from `info mtree -f`. */
function memoryRanges(text: string): { first: number; last: number; kind: string }[] {
  const view = text.split(/^FlatView/m).find((part) => part.includes('AS "cpu-memory-0"'));
  if (view === undefined) throw new Error('info mtree -f shows no address space of CPU 0');
  const lines = view.matchAll(/^ *([0-9a-f]{16})-([0-9a-f]{16}) \(prio \d+, (ram|rom)\)/gm);
  return [...lines].map(([, first, last, kind]) => ({
    first: Number(`0x${first}`),
    last: Number(`0x${last}`),
    kind: kind ?? '',
  }));
}
