import type { KernelManifest, KernelPage } from './manifest.ts';
import { mapped, notPresent, outsideRam, type PageConditions, page, reserved, table } from './manifest-parts.ts';
import { ROM_PT_32 } from './manifest-rom.ts';

const SHAPE = { entrySizeBytes: 4, entryCount: 1024 } as const;
const FORMAT = { levels: 2, linearBits: 32 } as const;
const KIB_4 = 0x1000;
const MIB_4 = 0x400000;

const PD = table(
  'pd',
  { ...SHAPE, level: 2, address: 0x110000n },
  {
    0: 0x113067n,
    1: 0x4000e3n,
    2: 0x8000e3n,
    3: 0xc000e3n,
    128: 0xe5n,
    256: 0x116007n,
    257: 0x400087n,
    259: 0x7ffff006n,
    260: 0x116003n,
    261: 0x116005n,
    262: 0x600087n,
    263: 0x800081n,
    264: 0x401087n,
    265: 0x402087n,
    266: 0x4e0087n,
    267: 0x70000007n,
    268: 0xfee00007n,
    269: 0xfffb0007n,
    768: 0x116007n,
    1023: 0x110003n,
  },
);

/** The first 4 MiB in pages: page 0 absent, the pages 0x108 and 0x109 for users, A and D set everywhere. */
const IDENTITY_PT = table(
  'identity-pt',
  { ...SHAPE, level: 1, address: 0x113000n },
  Object.fromEntries(
    Array.from({ length: 1023 }, (_, before) => before + 1).map((number) => {
      const isUser = number === 0x108 || number === 0x109;
      return [number, BigInt(number * 0x1000 + (isUser ? 0x67 : 0x63))];
    }),
  ),
);

const TEST_PT = table(
  'test-pt',
  { ...SHAPE, level: 1, address: 0x116000n },
  {
    0: 0x120007n,
    1: 0x121005n,
    2: 0x122003n,
    3: 0x123001n,
    7: 0x76543216n,
    9: 0x129027n,
    10: 0x12a067n,
    11: 0x12bf9fn,
    12: 0x70001007n,
    13: 0xfec00007n,
  },
);

type Rest = [outcome: KernelPage['outcome'], conditions?: PageConditions];

const pde = (name: string, index: number, ...rest: Rest) => page(name, [[PD, index]], FORMAT, ...rest);
const via = (name: string, [a, b]: readonly [number, number], ...rest: Rest) =>
  page(
    name,
    [
      [PD, a],
      [TEST_PT, b],
    ],
    FORMAT,
    ...rest,
  );
const pte = (name: string, index: number, ...rest: Rest) => via(name, [256, index], ...rest);
const identity = (name: string, index: number, ...rest: Rest) =>
  page(
    name,
    [
      [PD, 0],
      [IDENTITY_PT, index],
    ],
    FORMAT,
    ...rest,
  );

const PAGES: readonly KernelPage[] = [
  identity('null', 0, notPresent(1)),
  identity('code', 0x100, mapped(0x100000n, KIB_4, 'wx')),
  identity('user-code', 0x108, mapped(0x108000n, KIB_4, 'wux')),
  pde('identity-4m', 1, mapped(0x400000n, MIB_4, 'wx')),
  pde('user-alias', 128, mapped(0n, MIB_4, 'ux')),

  pte('rw', 0, mapped(0x120000n, KIB_4, 'wux')),
  pte('ro', 1, mapped(0x121000n, KIB_4, 'ux')),
  pte('supervisor', 2, mapped(0x122000n, KIB_4, 'wx')),
  pte('supervisor-ro', 3, mapped(0x123000n, KIB_4, 'x')),
  pte('pte-zero', 6, notPresent(1)),
  pte('pte-not-present', 7, notPresent(1)),
  pte('accessed', 9, mapped(0x129000n, KIB_4, 'wux')),
  pte('dirty', 10, mapped(0x12a000n, KIB_4, 'wux')),
  pte('cache-bits', 11, mapped(0x12b000n, KIB_4, 'wux')),
  pte('page-unbacked', 12, mapped(0x70001000n, KIB_4, 'wux', { memory: 'none' })),
  pte('page-device', 13, mapped(0xfec00000n, KIB_4, 'wux', { memory: 'device' })),

  pde('page-4m', 257, mapped(0x400000n, MIB_4, 'wux')),
  pde('pde-zero', 258, notPresent(2)),
  pde('pde-not-present', 259, notPresent(2)),
  via('pde-supervisor', [260, 0], mapped(0x120000n, KIB_4, 'wx')),
  via('pde-ro', [261, 0], mapped(0x120000n, KIB_4, 'ux')),
  pde('page-4m-reserved', 262, reserved(2)),
  pde('page-4m-supervisor-ro', 263, mapped(0x800000n, MIB_4, 'x')),
  pde('page-4m-pat', 264, mapped(0x400000n, MIB_4, 'wux')),
  pde('page-4m-pse36', 265, mapped(0x100400000n, MIB_4, 'wux', { memory: 'none' }), { physicalBits: 33 }),
  pde('page-4m-pse40', 266, mapped(0x7000400000n, MIB_4, 'wux', { memory: 'none' }), { physicalBits: 39 }),
  pde('pt-unbacked', 267, outsideRam(1, 0x70000000n, 'none')),
  pde('pt-device', 268, outsideRam(1, 0xfee00000n, 'device')),
  pde('pt-rom', 269, outsideRam(1, 0xfffb0000n, 'none')),
  via('high', [768, 0], mapped(0x120000n, KIB_4, 'wux')),

  // A directory that maps itself: seen through itself, its own page is the last one of the address space.
  page(
    'self-pd',
    [
      [PD, 1023],
      [PD, 1023],
    ],
    FORMAT,
    mapped(0x110000n, KIB_4, 'wx'),
  ),
  page(
    'self-pt',
    [
      [PD, 1023],
      [PD, 256],
    ],
    FORMAT,
    mapped(0x116000n, KIB_4, 'wx'),
  ),
];

const inRom = (name: string, index: number, ...rest: Rest) =>
  page(
    name,
    [
      [PD, 269],
      [ROM_PT_32, index],
    ],
    FORMAT,
    ...rest,
  );

const PAGES_WITH_ROM: readonly KernelPage[] = [
  inRom('rom-rw', 0, mapped(0x138000n, KIB_4, 'wux')),
  inRom('rom-dirty', 2, mapped(0x139000n, KIB_4, 'wux')),
  inRom('rom-ro', 4, mapped(0x13a000n, KIB_4, 'ux')),
  inRom('rom-not-present', 6, notPresent(1)),
];

export const PAGING32: KernelManifest = {
  name: 'paging32',
  image: 'paging32.bin',
  mode: '32-bit',
  registers: { cr0: 0x80010011n, cr3: 0x110000n, cr4: 0x10n, efer: 0n },
  tables: [PD, IDENTITY_PT, TEST_PT],
  pages: PAGES,
  pagesWithRom: PAGES_WITH_ROM,
  watches: {
    pde: 0x110400n,
    'page-4m': 0x110404n,
    'pde-self': 0x110ffcn,
    rw: 0x116000n,
    ro: 0x116004n,
    supervisor: 0x116008n,
  },
};
