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

const FORMAT = { levels: 3, linearBits: 32 } as const;
const KIB_4 = 0x1000;
const MIB_2 = 0x200000;

const PDPT = table(
  'pdpt',
  { level: 3, address: 0x110020n, entrySizeBytes: 8, entryCount: 4 },
  { 0: 0x112001n, 1: 0x115001n, 2: 0x7ffff006n, 3: 0x115001n },
);

type Rest = [outcome: KernelPage['outcome'], conditions?: PageConditions];

const identity = (name: string, pde: number, pte: number, ...rest: Rest) =>
  page(
    name,
    [
      [PDPT, 0],
      [IDENTITY_PD, pde],
      [IDENTITY_PT, pte],
    ],
    FORMAT,
    ...rest,
  );
const pde = (name: string, index: number, ...rest: Rest) =>
  page(
    name,
    [
      [PDPT, 1],
      [TEST_PD, index],
    ],
    FORMAT,
    ...rest,
  );
const via = (name: string, [a, b, c]: readonly [number, number, number], ...rest: Rest) =>
  page(
    name,
    [
      [PDPT, a],
      [TEST_PD, b],
      [TEST_PT, c],
    ],
    FORMAT,
    ...rest,
  );
const pte = (name: string, index: number, ...rest: Rest) => via(name, [1, 0, index], ...rest);

const IDENTITY_2M: Path = [
  [PDPT, 0],
  [IDENTITY_PD, 2],
];
const USER_ALIAS: Path = [
  [PDPT, 0],
  [IDENTITY_PD, 256],
];

/** An address beyond 32 bits is a matter of MAXPHYADDR; below that, its bits are reserved. */
const WIDE = { physicalBits: 39 };

const PAGES: readonly KernelPage[] = [
  identity('null', 0, 0, notPresent(1)),
  identity('code', 0, 0x100, mapped(0x100000n, KIB_4, 'wx')),
  identity('user-code', 0, 0x108, mapped(0x108000n, KIB_4, 'wux')),
  page('identity-2m', IDENTITY_2M, FORMAT, mapped(0x400000n, MIB_2, 'wx')),
  page('user-alias', USER_ALIAS, FORMAT, mapped(0n, MIB_2, 'ux')),

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
  pte('page-unbacked', 12, mapped(0x7000001000n, KIB_4, 'wux', { memory: 'none' }), WIDE),
  pte('page-device', 13, mapped(0xfec00000n, KIB_4, 'wux', { memory: 'device' })),
  pte('ro-xd', 14, mapped(0x12e000n, KIB_4, 'u')),
  pte('supervisor-ro-xd', 15, mapped(0x12f000n, KIB_4, '')),
  // Bits 62:52 are reserved here, keys and all (SDM vol. 3A, 4.4.2).
  pte('pte-high-bits', 16, reserved(1)),
  pte('pte-key-1', 17, reserved(1)),

  pde('page-2m', 1, mapped(0x400000n, MIB_2, 'wux')),
  pde('pde-zero', 2, notPresent(2)),
  pde('pde-reserved', 3, reserved(2)),
  via('pde-supervisor', [1, 4, 0], mapped(0x120000n, KIB_4, 'wx')),
  via('pde-ro', [1, 5, 0], mapped(0x120000n, KIB_4, 'ux')),
  via('pde-xd', [1, 6, 0], mapped(0x120000n, KIB_4, 'wu')),
  pde('page-2m-reserved', 7, reserved(2)),
  pde('pt-unbacked', 8, outsideRam(1, 0x7000000000n, 'none'), WIDE),
  pde('pt-device', 9, outsideRam(1, 0xfee00000n, 'device')),
  pde('pt-rom', 10, outsideRam(1, 0xfffb0000n, 'none')),
  pde('page-2m-supervisor-ro-xd', 11, mapped(0x800000n, MIB_2, '')),
  pde('page-2m-pat', 12, mapped(0x400000n, MIB_2, 'wux')),
  pde('page-2m-key-2', 13, reserved(2)),
  pde('pde-key-1', 14, reserved(2)),

  page('pdpte-not-present', [[PDPT, 2]], FORMAT, notPresent(3)),
  via('high', [3, 0, 0], mapped(0x120000n, KIB_4, 'wux')),
];

const inRom = (name: string, index: number, ...rest: Rest) =>
  page(
    name,
    [
      [PDPT, 1],
      [TEST_PD, 10],
      [ROM_PT, index],
    ],
    FORMAT,
    ...rest,
  );

const PAGES_WITH_ROM: readonly KernelPage[] = [
  inRom('rom-rw', 0, mapped(0x138000n, KIB_4, 'wux')),
  inRom('rom-dirty', 1, mapped(0x139000n, KIB_4, 'wux')),
  inRom('rom-ro', 2, mapped(0x13a000n, KIB_4, 'ux')),
  inRom('rom-not-present', 3, notPresent(1)),
];

export const PAE: KernelManifest = {
  name: 'pae',
  image: 'pae.bin',
  mode: 'pae',
  registers: { cr0: 0x80010011n, cr3: 0x110020n, cr4: 0x20n, efer: 0x800n },
  tables: [PDPT, IDENTITY_PD, IDENTITY_PT, TEST_PD, TEST_PT],
  underTcg: new Map([[0x110020n, 0x112021n]]),
  pages: PAGES,
  pagesWithRom: PAGES_WITH_ROM,
  watches: {
    pdpte: 0x110028n,
    pde: 0x115000n,
    'page-2m': 0x115008n,
    rw: 0x116000n,
    ro: 0x116008n,
    supervisor: 0x116010n,
    xd: 0x116020n,
  },
};
