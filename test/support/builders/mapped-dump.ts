import { buildElf, type NotedRegisters } from '../../../scripts/parsers/dumps/build-dump.ts';

const CODE_64 = 0x00af_9b00;
const USER_STACK = 3 << 13;
const NO_EXECUTE = 1n << 63n;

const LONG_MODE: NotedRegisters = {
  cr0: 0x8001_0011n,
  cr3: 0x1000n,
  cr4: 0x20n,
  rip: 0x2_0000_0010n,
  csFlags: CODE_64,
  idt: 0x2_0000_1000n,
};
/** In long mode in the kernel, in long mode with user code, in real mode. */
const VCPUS: readonly NotedRegisters[] = [
  LONG_MODE,
  { ...LONG_MODE, rip: 0x2_0060_0010n, ssFlags: USER_STACK },
  { cr0: 0x10n, cr3: 0n, cr4: 0n, rip: 0xfff0n, csFlags: 0 },
];

/**
 * An ELF core with some of everything that tables can say. From 0x2_0000_0000 on, and again from 0xffff_8002_0000_0000 on, as two PML4Es
 * share a PDPT: code, data, a page that is not in the dump, a hole, four pages in a row, a global 2 MiB page, a table that is not in the
 * dump, and pages of users: code, one that is writable and executable, one whose address has bit 51, and the kernel's code again.
 */
export function mappedDump(): Buffer {
  const low = Buffer.alloc(0x9000);
  const set = (table: number, index: number, value: bigint): void =>
    void low.writeBigUInt64LE(value, table + 8 * index);
  set(0x1000, 0, 0x2067n);
  set(0x1000, 256, 0x2067n);
  set(0x2000, 8, 0x3067n);
  set(0x3000, 0, 0x4067n);
  set(0x3000, 1, NO_EXECUTE | 0x20_01e3n);
  set(0x3000, 2, 0x900_0067n);
  set(0x3000, 3, 0x6067n);
  set(0x4000, 0, 0x5021n);
  set(0x4000, 1, NO_EXECUTE | 0x10_0063n);
  set(0x4000, 2, NO_EXECUTE | 0x900_0063n);
  for (const at of [0, 1, 2, 3]) set(0x4000, 4 + at, NO_EXECUTE | (0x10_0063n + BigInt(at) * 0x1000n));
  set(0x6000, 0, 0x7025n);
  set(0x6000, 1, 0x8067n);
  set(0x6000, 2, (1n << 51n) | 0x7067n);
  set(0x6000, 3, 0x5025n);
  low.fill('code', 0x5000, 0x6000);
  const high = Buffer.alloc(0x4000, 'data');
  return buildElf({
    memory: [
      { address: 0, bytes: low },
      { address: 0x10_0000, bytes: high },
    ],
    vcpus: VCPUS,
  });
}
