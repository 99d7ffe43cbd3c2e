import type { KernelManifest, KernelPage } from './manifest.ts';
import {
  mapped,
  notPresent,
  outsideRam,
  type PageConditions,
  type Path,
  page,
  reserved,
  table,
} from './manifest-parts.ts';
import { ROM_PT } from './manifest-rom.ts';
import { IDENTITY_PD, IDENTITY_PT, TEST_PD, TEST_PT } from './manifest-tables-64.ts';

const SHAPE = { entrySizeBytes: 8, entryCount: 512 } as const;
const KIB_4 = 0x1000;
const MIB_2 = 0x200000;
const GIB_1 = 0x40000000;

const PML4 = table(
  'pml4',
  { ...SHAPE, level: 4, address: 0x110000n },
  {
    0: 0x111067n,
    1: 0x114007n,
    3: 0x0008000000114007n,
    4: 0x114003n,
    5: 0x114005n,
    6: 0x8000000000114007n,
    7: 0x114087n,
    8: 0x114107n,
    9: 0x7000000007n,
    256: 0x114007n,
    510: 0x110003n,
  },
);

const IDENTITY_PDPT = table('identity-pdpt', { ...SHAPE, level: 3, address: 0x111000n }, { 0: 0x112067n });

const TEST_PDPT = table(
  'test-pdpt',
  { ...SHAPE, level: 3, address: 0x114000n },
  {
    0: 0x115007n,
    1: 0x87n,
    3: 0x0008000000115007n,
    4: 0x115003n,
    5: 0x115005n,
    6: 0x8000000000115007n,
    7: 0x2087n,
    8: 0x8000000000000081n,
    9: 0x7000000007n,
  },
);

const PML5 = table(
  'pml5',
  { ...SHAPE, level: 5, address: 0x117000n },
  {
    0: 0x110067n,
    1: 0x110007n,
    3: 0x0008000000110007n,
    4: 0x110003n,
    5: 0x110005n,
    6: 0x8000000000110007n,
    7: 0x110087n,
    9: 0x7000000007n,
    256: 0x110007n,
    510: 0x117003n,
  },
);

/** The other CPUs' own root: the supervisor's way to the test pages, and one that the first CPU lacks. */
const AP_PML4 = table(
  'ap-pml4',
  { ...SHAPE, level: 4, address: 0x118000n },
  { 0: 0x111067n, 1: 0x114003n, 2: 0x114007n },
);

const TABLES = [PML4, IDENTITY_PDPT, IDENTITY_PD, IDENTITY_PT, TEST_PDPT, TEST_PD, TEST_PT];

const WATCHES = {
  pml4e: 0x110008n,
  'pml4e-high': 0x110800n,
  'pml4e-self': 0x110ff0n,
  pdpte: 0x114000n,
  'page-1g': 0x114008n,
  pde: 0x115000n,
  'page-2m': 0x115008n,
  rw: 0x116000n,
  ro: 0x116008n,
  supervisor: 0x116010n,
  xd: 0x116020n,
};

/** The pages below a PML4, which `above` leads to. */
function pagesBelowPml4(above: Path, linearBits: 48 | 57): readonly KernelPage[] {
  const format = { levels: above.length + 4, linearBits };
  const kernel = (name: string, path: Path, ...rest: Rest) => page(name, [...above, ...path], format, ...rest);
  const identity = (name: string, pde: number, pte: number | undefined, ...rest: Rest) =>
    kernel(
      name,
      [[PML4, 0], [IDENTITY_PDPT, 0], [IDENTITY_PD, pde], ...(pte === undefined ? [] : [[IDENTITY_PT, pte] as const])],
      ...rest,
    );
  const pml4e = (name: string, index: number, ...rest: Rest) => kernel(name, [[PML4, index]], ...rest);
  const pdpte = (name: string, index: number, ...rest: Rest) =>
    kernel(
      name,
      [
        [PML4, 1],
        [TEST_PDPT, index],
      ],
      ...rest,
    );
  const pde = (name: string, index: number, ...rest: Rest) =>
    kernel(
      name,
      [
        [PML4, 1],
        [TEST_PDPT, 0],
        [TEST_PD, index],
      ],
      ...rest,
    );
  const pte = (name: string, index: number, ...rest: Rest) => via(name, [1, 0, 0, index], ...rest);
  const via = (name: string, [a, b, c, d]: readonly [number, number, number, number], ...rest: Rest) =>
    kernel(
      name,
      [
        [PML4, a],
        [TEST_PDPT, b],
        [TEST_PD, c],
        [TEST_PT, d],
      ],
      ...rest,
    );
  const self = (name: string, path: Path, ...rest: Rest) => kernel(name, [[PML4, 510], ...path], ...rest);

  return [
    identity('null', 0, 0, notPresent(1)),
    identity('code', 0, 0x100, mapped(0x100000n, KIB_4, 'wx')),
    identity('user-code', 0, 0x108, mapped(0x108000n, KIB_4, 'wux')),
    identity('identity-2m', 2, undefined, mapped(0x400000n, MIB_2, 'wx')),
    identity('user-alias', 256, undefined, mapped(0n, MIB_2, 'ux')),

    pte('rw', 0, mapped(0x120000n, KIB_4, 'wux')),
    pte('ro', 1, mapped(0x121000n, KIB_4, 'ux')),
    pte('supervisor', 2, mapped(0x122000n, KIB_4, 'wx')),
    pte('supervisor-ro', 3, mapped(0x123000n, KIB_4, 'x')),
    pte('xd', 4, mapped(0x124000n, KIB_4, 'wu')),
    pte('supervisor-xd', 5, mapped(0x125000n, KIB_4, 'w')),
    pte('pte-zero', 6, notPresent(1)),
    pte('pte-not-present', 7, notPresent(1)),
    pte('pte-reserved', 8, reserved(1)),
    pte('accessed', 9, mapped(0x129000n, KIB_4, 'wux')),
    pte('dirty', 10, mapped(0x12a000n, KIB_4, 'wux')),
    pte('cache-bits', 11, mapped(0x12b000n, KIB_4, 'wux')),
    pte('page-unbacked', 12, mapped(0x7000001000n, KIB_4, 'wux', { memory: 'none' })),
    pte('page-device', 13, mapped(0xfec00000n, KIB_4, 'wux', { memory: 'device' })),
    pte('ro-xd', 14, mapped(0x12e000n, KIB_4, 'u')),
    pte('supervisor-ro-xd', 15, mapped(0x12f000n, KIB_4, '')),
    pte('ignored-bits', 16, mapped(0x130000n, KIB_4, 'wux')),
    pte('key-1', 17, mapped(0x131000n, KIB_4, 'wux', { protectionKey: 1 })),
    pte('key-2', 18, mapped(0x132000n, KIB_4, 'wux', { protectionKey: 2 })),
    pte('key-15', 19, mapped(0x133000n, KIB_4, 'wux', { protectionKey: 15 })),
    pte('supervisor-key-4', 20, mapped(0x134000n, KIB_4, 'wx', { protectionKey: 4 })),
    pte('supervisor-key-5', 21, mapped(0x135000n, KIB_4, 'wx', { protectionKey: 5 })),
    pte('ro-key-2', 22, mapped(0x136000n, KIB_4, 'ux', { protectionKey: 2 })),
    pte('key-3', 23, mapped(0x137000n, KIB_4, 'wux', { protectionKey: 3 })),

    pde('page-2m', 1, mapped(0x400000n, MIB_2, 'wux')),
    pde('pde-zero', 2, notPresent(2)),
    pde('pde-reserved', 3, reserved(2)),
    via('pde-supervisor', [1, 0, 4, 0], mapped(0x120000n, KIB_4, 'wx')),
    via('pde-ro', [1, 0, 5, 0], mapped(0x120000n, KIB_4, 'ux')),
    via('pde-xd', [1, 0, 6, 0], mapped(0x120000n, KIB_4, 'wu')),
    pde('page-2m-reserved', 7, reserved(2)),
    pde('pt-unbacked', 8, outsideRam(1, 0x7000000000n, 'none')),
    pde('pt-device', 9, outsideRam(1, 0xfee00000n, 'device')),
    pde('pt-rom', 10, outsideRam(1, 0xfffb0000n, 'none')),
    pde('page-2m-supervisor-ro-xd', 11, mapped(0x800000n, MIB_2, '')),
    pde('page-2m-pat', 12, mapped(0x400000n, MIB_2, 'wux')),
    pde('page-2m-key-2', 13, mapped(0x800000n, MIB_2, 'wux', { protectionKey: 2 })),
    via('pde-key-1', [1, 0, 14, 0], mapped(0x120000n, KIB_4, 'wux')),

    pdpte('page-1g', 1, mapped(0n, GIB_1, 'wux'), { needs: 'pdpe1gb' }),
    pdpte('pdpte-zero', 2, notPresent(3)),
    pdpte('pdpte-reserved', 3, reserved(3)),
    via('pdpte-supervisor', [1, 4, 0, 0], mapped(0x120000n, KIB_4, 'wx')),
    via('pdpte-ro', [1, 5, 0, 0], mapped(0x120000n, KIB_4, 'ux')),
    via('pdpte-xd', [1, 6, 0, 0], mapped(0x120000n, KIB_4, 'wu')),
    pdpte('page-1g-reserved', 7, reserved(3)),
    pdpte('page-1g-supervisor-ro-xd', 8, mapped(0n, GIB_1, ''), { needs: 'pdpe1gb' }),
    pdpte('pd-unbacked', 9, outsideRam(2, 0x7000000000n, 'none')),

    pml4e('pml4e-zero', 2, notPresent(4)),
    pml4e('pml4e-reserved', 3, reserved(4)),
    via('pml4e-supervisor', [4, 0, 0, 0], mapped(0x120000n, KIB_4, 'wx')),
    via('pml4e-ro', [5, 0, 0, 0], mapped(0x120000n, KIB_4, 'ux')),
    via('pml4e-xd', [6, 0, 0, 0], mapped(0x120000n, KIB_4, 'wu')),
    pml4e('pml4e-ps', 7, reserved(4)),
    via('pml4e-bit-8', [8, 0, 0, 0], mapped(0x120000n, KIB_4, 'wux'), { only: 'intel' }),
    pml4e('pdpt-unbacked', 9, outsideRam(3, 0x7000000000n, 'none')),
    via('high', [256, 0, 0, 0], mapped(0x120000n, KIB_4, 'wux')),

    // A table that maps itself: the last table on the way is the page.
    self(
      'self-pml4',
      [
        [PML4, 510],
        [PML4, 510],
        [PML4, 510],
      ],
      mapped(0x110000n, KIB_4, 'wx'),
    ),
    self(
      'self-pdpt',
      [
        [PML4, 510],
        [PML4, 510],
        [PML4, 1],
      ],
      mapped(0x114000n, KIB_4, 'wx'),
    ),
    self(
      'self-pd',
      [
        [PML4, 510],
        [PML4, 1],
        [TEST_PDPT, 0],
      ],
      mapped(0x115000n, KIB_4, 'wx'),
    ),
    self(
      'self-pt',
      [
        [PML4, 1],
        [TEST_PDPT, 0],
        [TEST_PD, 0],
      ],
      mapped(0x116000n, KIB_4, 'wx'),
    ),
  ];
}

type Rest = [outcome: KernelPage['outcome'], conditions?: PageConditions];

/** What only a fifth level has: ways to the page `rw` through each of its entries. */
function pagesOfPml5(): readonly KernelPage[] {
  const format = { levels: 5, linearBits: 57 } as const;
  const pml5e = (name: string, index: number, ...rest: Rest) => page(name, [[PML5, index]], format, ...rest);
  const lower: Path = [
    [PML4, 1],
    [TEST_PDPT, 0],
    [TEST_PD, 0],
    [TEST_PT, 0],
  ];
  const rw = (name: string, index: number, rights: string) =>
    page(name, [[PML5, index], ...lower], format, mapped(0x120000n, KIB_4, rights));

  return [
    pml5e('pml5e-zero', 2, notPresent(5)),
    pml5e('pml5e-reserved', 3, reserved(5)),
    rw('pml5e-supervisor', 4, 'wx'),
    rw('pml5e-ro', 5, 'ux'),
    rw('pml5e-xd', 6, 'wu'),
    pml5e('pml5e-ps', 7, reserved(5)),
    pml5e('pml4-unbacked', 9, outsideRam(4, 0x7000000000n, 'none')),
    rw('pml5e-high', 256, 'wux'),
    page(
      'pml5e-self',
      [
        [PML5, 510],
        [PML5, 510],
        [PML5, 510],
        [PML5, 510],
        [PML5, 510],
      ],
      format,
      mapped(0x117000n, KIB_4, 'wx'),
    ),
  ];
}

function pagesInRom(above: Path, linearBits: 48 | 57): readonly KernelPage[] {
  const format = { levels: above.length + 4, linearBits };
  const inRom = (name: string, index: number, ...rest: Rest) =>
    page(name, [...above, [PML4, 1], [TEST_PDPT, 0], [TEST_PD, 10], [ROM_PT, index]], format, ...rest);
  return [
    inRom('rom-rw', 0, mapped(0x138000n, KIB_4, 'wux')),
    inRom('rom-dirty', 1, mapped(0x139000n, KIB_4, 'wux')),
    inRom('rom-ro', 2, mapped(0x13a000n, KIB_4, 'ux')),
    inRom('rom-not-present', 3, notPresent(1)),
  ];
}

/** What a second CPU of long4 sees; the first CPU has other answers for the same addresses. */
function pagesOfOtherCpus(): readonly KernelPage[] {
  const format = { levels: 4, linearBits: 48 } as const;
  const rw = (name: string, index: number, rights: string) =>
    page(
      name,
      [
        [AP_PML4, index],
        [TEST_PDPT, 0],
        [TEST_PD, 0],
        [TEST_PT, 0],
      ],
      format,
      mapped(0x120000n, KIB_4, rights),
    );
  return [
    rw('ap-supervisor', 1, 'wx'),
    rw('ap-rw', 2, 'wux'),
    page('ap-pml4e-zero', [[AP_PML4, 3]], format, notPresent(4)),
  ];
}

const REGISTERS = { cr0: 0x80010011n, efer: 0xd00n, pkru: 0xc0000024n, pkrs: 0x900n };

export const LONG4: KernelManifest = {
  name: 'long4',
  image: 'long4.bin',
  mode: '4-level',
  registers: { ...REGISTERS, cr3: 0x110000n, cr4: 0x1400020n },
  tables: [...TABLES, AP_PML4],
  pages: pagesBelowPml4([], 48),
  pagesWithRom: pagesInRom([], 48),
  watches: WATCHES,
  otherCpus: {
    registers: { cr0: 0x80000011n, cr3: 0x118000n, cr4: 0x1400020n, efer: 0xd00n, pkru: 0n, pkrs: 0n },
    pages: pagesOfOtherCpus(),
  },
};

/** The tables of long4 under a PML5 whose slot 1 leads to them; slot 0 is the kernel's own way. */
export const LONG5: KernelManifest = {
  name: 'long5',
  image: 'long5.bin',
  mode: '5-level',
  registers: { ...REGISTERS, cr3: 0x117000n, cr4: 0x1401020n },
  tables: [PML5, ...TABLES],
  pages: [...pagesBelowPml4([[PML5, 1]], 57), ...pagesOfPml5()],
  pagesWithRom: pagesInRom([[PML5, 1]], 57),
  watches: { pml5e: 0x117008n, ...WATCHES },
};
