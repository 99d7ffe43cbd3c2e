import type { DumpParts, NotedRegisters } from './build-dump.ts';

const PAGE_BYTES = 4096;
const CODE_64 = 0x00af_9b00;

/** Where the tables of the small guest are, and what they map. */
export const SMALL_GUEST = {
  root: 0x1000,
  /** In the second piece of memory. */
  highPage: 0x10_0000,
  code: 0x2_0000_0000n,
  idt: 0x2_0000_1000n,
  unmapped: 0x2_0000_5000n,
} as const;

/** A 64-bit guest with two pieces of memory, four tables, a page of code and one that must not be executed. */
export function smallGuest(changes: Partial<NotedRegisters> = {}): DumpParts {
  const low = Buffer.alloc(8 * PAGE_BYTES);
  const entry = (table: number, index: number, value: bigint): void => {
    low.writeBigUInt64LE(value, table + 8 * index);
  };
  entry(0x1000, 0, 0x2067n);
  entry(0x2000, 8, 0x3067n);
  entry(0x3000, 0, 0x4067n);
  // Not accessed yet.
  entry(0x4000, 0, 0x5001n);
  entry(0x4000, 1, 0x8000_0000_0010_0063n);
  // Outside of what there is.
  entry(0x4000, 2, 0x8000_0000_0900_0063n);
  low.fill('code', 0x5000, 0x6000);
  const high = Buffer.alloc(3 * PAGE_BYTES, 'data');
  return {
    memory: [
      { address: 0, bytes: low },
      { address: SMALL_GUEST.highPage, bytes: high },
    ],
    vcpus: [
      {
        cr0: 0x8001_0011n,
        cr3: BigInt(SMALL_GUEST.root),
        cr4: 0x20n,
        rip: SMALL_GUEST.code + 0x10n,
        csFlags: CODE_64,
        idt: SMALL_GUEST.idt,
        ...changes,
      },
    ],
  };
}
