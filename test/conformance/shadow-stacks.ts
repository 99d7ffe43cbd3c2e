import type { EntryFlags, MapOptions, TableMode } from '../support/builders/table-builder.ts';
import { controlBits, type MachineChanges } from '../support/reference/reference-machine.ts';

/** One access to one page, with CR4.CET=1 and CR0.WP=1. @internal */
export interface ShadowStackCase {
  title: string;
  mode: TableMode;
  machine?: MachineChanges;
  /** Entries that allow everything are the default; see `userStack` and `supervisorStack` for the page that is meant. */
  page: MapOptions;
  /** See `accessOf`: `k` is the shadow stack's. */
  access: string;
  /** `ok`, or `cause code level`: the error code in hexadecimal, the level of the responsible entry. */
  outcome: string;
}

const { pke, pks, smap } = controlBits.cr4;
const gib1 = 0x4000_0000;
const mib2 = 0x20_0000;
const mib4 = 0x40_0000;

/** What makes a leaf a shadow-stack page: R/W=0 and D=1. */
const stack: EntryFlags = { write: false, dirty: true };

type Levels = Readonly<Record<number, EntryFlags>>;

function userStack(levels: Levels = {}, more: MapOptions = {}): MapOptions {
  return { ...more, levels: { 1: stack, ...levels } };
}

function supervisorStack(levels: Levels = {}, more: MapOptions = {}): MapOptions {
  return { ...more, levels: { 1: { ...stack, user: false }, ...levels } };
}

type Row = readonly [title: string, page: MapOptions, outcomes: Readonly<Record<string, string>>, MachineChanges?];

/** SDM vol. 3A, 4.6.1, 4.6.2 and 4.7: title, page, outcome by access, what is special about the machine. */
const fourLevel: readonly Row[] = [
  [
    "a user's shadow stack",
    userStack(),
    {
      ku: 'ok',
      wku: 'ok',
      k: 'privilege-violation 41 1',
      wk: 'privilege-violation 43 1',
      // For ordinary accesses it is a page that cannot be written.
      u: 'ok',
      wu: 'privilege-violation 7 1',
      '': 'ok',
      w: 'privilege-violation 3 1',
      xu: 'ok',
    },
  ],
  [
    "a supervisor's shadow stack",
    supervisorStack(),
    {
      k: 'ok',
      wk: 'ok',
      ku: 'privilege-violation 45 1',
      wku: 'privilege-violation 47 1',
      '': 'ok',
      w: 'privilege-violation 3 1',
      u: 'privilege-violation 5 1',
    },
  ],
  [
    "a supervisor's by its PML4E",
    userStack({ 4: { user: false } }),
    { k: 'ok', wk: 'ok', ku: 'privilege-violation 45 4', wku: 'privilege-violation 47 4' },
  ],
  [
    'a leaf with D=0',
    userStack({ 1: { write: false } }),
    { ku: 'privilege-violation 45 1', wku: 'privilege-violation 47 1', u: 'ok' },
  ],
  [
    'a leaf with R/W=1 and D=1',
    userStack({ 1: { dirty: true } }),
    { ku: 'privilege-violation 45 1', wku: 'privilege-violation 47 1', wu: 'ok' },
  ],
  [
    'a leaf with R/W=1 and D=0',
    userStack({ 1: {} }),
    { ku: 'privilege-violation 45 1', wku: 'privilege-violation 47 1', wu: 'ok' },
  ],
  [
    'a PDE with R/W=0',
    userStack({ 2: { write: false } }),
    { ku: 'privilege-violation 45 2', wku: 'privilege-violation 47 2', u: 'ok' },
  ],
  [
    'a PDPTE with R/W=0',
    userStack({ 3: { write: false } }),
    { ku: 'privilege-violation 45 3', k: 'privilege-violation 41 3' },
  ],
  ['a PML4E with R/W=0', userStack({ 4: { write: false } }), { ku: 'privilege-violation 45 4' }],
  ['R/W=0 and D=1 above the leaf too', userStack({ 2: stack }), { ku: 'privilege-violation 45 2' }],
  [
    'two entries at fault: the topmost one is responsible',
    userStack({ 4: { user: false }, 3: { write: false }, 1: {} }),
    { ku: 'privilege-violation 45 4', k: 'privilege-violation 41 3' },
  ],
  ['D=1 above the leaf, where it means nothing', userStack({ 2: { dirty: true }, 4: { dirty: true } }), { wku: 'ok' }],
  [
    'XD, which does not matter to data',
    userStack({ 1: { ...stack, noExecute: true } }),
    { wku: 'ok', xu: 'privilege-violation 15 1' },
  ],
  [
    'SMAP with AC=0, which protects user pages and does not ask about shadow stacks',
    userStack(),
    { ku: 'ok', wku: 'ok', k: 'privilege-violation 41 1', '': 'privilege-violation 1 1' },
    { cr4: smap },
  ],
  [
    'SMAP with AC=1, which opens no shadow stack',
    userStack(),
    { wku: 'ok', k: 'privilege-violation 41 1', wk: 'privilege-violation 43 1', '': 'ok' },
    { cr4: smap, ac: true },
  ],
  ["SMAP and the supervisor's own", supervisorStack(), { k: 'ok', wk: 'ok' }, { cr4: smap }],
  [
    'an entry that is not present',
    userStack({ 1: { present: false } }),
    { ku: 'not-present 44 1', wku: 'not-present 46 1', k: 'not-present 40 1', wk: 'not-present 42 1' },
  ],
  ['not present above', userStack({ 3: { present: false } }), { wku: 'not-present 46 3' }],
  [
    'a reserved bit',
    userStack({ 1: { ...stack, extra: 1n << 51n } }),
    { ku: 'reserved-bits 4d 1', wku: 'reserved-bits 4f 1', k: 'reserved-bits 49 1' },
  ],
  [
    'PKRU denies access',
    userStack({}, { key: 1 }),
    { ku: 'privilege-violation 65 1', wku: 'privilege-violation 67 1', k: 'privilege-violation 61 1' },
    { cr4: pke, pkru: 0x4 },
  ],
  [
    'PKRU denies writing',
    userStack({}, { key: 1 }),
    { ku: 'ok', wku: 'privilege-violation 67 1' },
    { cr4: pke, pkru: 0x8 },
  ],
  [
    'PKRU denies access, and R/W=0 above',
    userStack({ 3: { write: false } }, { key: 1 }),
    { ku: 'privilege-violation 65 3' },
    { cr4: pke, pkru: 0x4 },
  ],
  [
    'PKRS denies access',
    supervisorStack({}, { key: 1 }),
    { k: 'privilege-violation 61 1', wk: 'privilege-violation 63 1', ku: 'privilege-violation 65 1' },
    { cr4: pks, pkrs: 0x4 },
  ],
  [
    'PKRS denies writing',
    supervisorStack({}, { key: 1 }),
    { k: 'ok', wk: 'privilege-violation 63 1' },
    { cr4: pks, pkrs: 0x8 },
  ],
  ['PKRU does not judge the supervisor', supervisorStack({}, { key: 1 }), { wk: 'ok' }, { cr4: pke, pkru: 0xc }],
  ['a 2 MiB page', { size: mib2, levels: { 2: stack } }, { wku: 'ok', k: 'privilege-violation 41 2' }],
  ['a 2 MiB page with D=0', { size: mib2, levels: { 2: { write: false } } }, { wku: 'privilege-violation 47 2' }],
  ['a 1 GiB page', { size: gib1, levels: { 3: stack } }, { wku: 'ok', k: 'privilege-violation 41 3' }],
  ['a 1 GiB page with R/W=1', { size: gib1, levels: { 3: { dirty: true } } }, { wku: 'privilege-violation 47 3' }],
];

const otherModes: readonly (readonly [TableMode, Row])[] = [
  ['5-level', ["a user's", userStack(), { wku: 'ok', wk: 'privilege-violation 43 1' }]],
  ['5-level', ['a PML5E with R/W=0', userStack({ 5: { write: false } }), { ku: 'privilege-violation 45 5' }]],
  [
    '5-level',
    ["a supervisor's by its PML5E", userStack({ 5: { user: false } }), { wk: 'ok', ku: 'privilege-violation 45 5' }],
  ],
  // A PDPTE of PAE paging has neither R/W nor U/S to take away.
  [
    'pae',
    ["a user's", userStack(), { ku: 'ok', wku: 'ok', k: 'privilege-violation 41 1', wk: 'privilege-violation 43 1' }],
  ],
  ['pae', ["a supervisor's", supervisorStack(), { wk: 'ok', wku: 'privilege-violation 47 1' }]],
  ['pae', ['a PDE with R/W=0', userStack({ 2: { write: false } }), { ku: 'privilege-violation 45 2' }]],
  ['pae', ['a 2 MiB page', { size: mib2, levels: { 2: stack } }, { wku: 'ok' }]],
  ['pae', ['a PDPTE that is not present', userStack({ 3: { present: false } }), { wku: 'not-present 46 3' }]],
  [
    '32-bit',
    ["a user's", userStack(), { ku: 'ok', wku: 'ok', k: 'privilege-violation 41 1', wk: 'privilege-violation 43 1' }],
  ],
  ['32-bit', ["a supervisor's", supervisorStack(), { wk: 'ok', wku: 'privilege-violation 47 1' }]],
  ['32-bit', ['a PDE with R/W=0', userStack({ 2: { write: false } }), { ku: 'privilege-violation 45 2' }]],
  ['32-bit', ['a leaf with D=0', userStack({ 1: { write: false } }), { ku: 'privilege-violation 45 1' }]],
  [
    '32-bit',
    [
      'a 4 MiB page',
      { size: mib4, levels: { 2: stack } },
      { wku: 'ok', k: 'privilege-violation 41 2' },
      { cr4: controlBits.cr4.pse },
    ],
  ],
];

function casesOf(mode: TableMode, [title, page, outcomes, machine = {}]: Row): ShadowStackCase[] {
  return Object.entries(outcomes).map(([access, outcome]) => ({ title, mode, machine, page, access, outcome }));
}

/** @internal */
export const shadowStackCases: readonly ShadowStackCase[] = [
  ...fourLevel.flatMap((row) => casesOf('4-level', row)),
  ...otherModes.flatMap(([mode, row]) => casesOf(mode, row)),
];
