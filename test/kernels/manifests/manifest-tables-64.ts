import { table } from './manifest-parts.ts';

const SHAPE = { entrySizeBytes: 8, entryCount: 512 } as const;

/** The kernel's own directory: the first 16 MiB, and the user alias of the first 2 MiB at 0x20000000. */
export const IDENTITY_PD = table(
  'identity-pd',
  { ...SHAPE, level: 2, address: 0x112000n },
  {
    0: 0x113067n,
    1: 0x2000e3n,
    2: 0x4000e3n,
    3: 0x6000e3n,
    4: 0x8000e3n,
    5: 0xa000e3n,
    6: 0xc000e3n,
    7: 0xe000e3n,
    256: 0xe5n,
  },
);

/** The first 2 MiB in pages: page 0 absent, the pages 0x108 and 0x109 for users, A and D set everywhere. */
export const IDENTITY_PT = table(
  'identity-pt',
  { ...SHAPE, level: 1, address: 0x113000n },
  Object.fromEntries(
    Array.from({ length: 511 }, (_, before) => before + 1).map((number) => {
      const isUser = number === 0x108 || number === 0x109;
      return [number, BigInt(number * 0x1000 + (isUser ? 0x67 : 0x63))];
    }),
  ),
);

export const TEST_PD = table(
  'test-pd',
  { ...SHAPE, level: 2, address: 0x115000n },
  {
    0: 0x116007n,
    1: 0x400087n,
    3: 0x0008000000116007n,
    4: 0x116003n,
    5: 0x116005n,
    6: 0x8000000000116007n,
    7: 0x402087n,
    8: 0x7000000007n,
    9: 0xfee00007n,
    10: 0xfffb0007n,
    11: 0x8000000000800081n,
    12: 0x401087n,
    13: 0x1000000000800087n,
    14: 0x0800000000116007n,
  },
);

export const TEST_PT = table(
  'test-pt',
  { ...SHAPE, level: 1, address: 0x116000n },
  {
    0: 0x120007n,
    1: 0x121005n,
    2: 0x122003n,
    3: 0x123001n,
    4: 0x8000000000124007n,
    5: 0x8000000000125003n,
    7: 0x7edcba9876543216n,
    8: 0x0008000000128007n,
    9: 0x129027n,
    10: 0x12a067n,
    11: 0x12bf9fn,
    12: 0x7000001007n,
    13: 0xfec00007n,
    14: 0x800000000012e005n,
    15: 0x800000000012f001n,
    16: 0x07f0000000130007n,
    17: 0x0800000000131007n,
    18: 0x1000000000132007n,
    19: 0x7800000000133007n,
    20: 0x2000000000134003n,
    21: 0x2800000000135003n,
    22: 0x1000000000136005n,
    23: 0x1800000000137007n,
  },
);
