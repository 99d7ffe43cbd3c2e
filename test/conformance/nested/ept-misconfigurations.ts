import type { ReferenceEpt } from '../../support/reference/reference-nested-translation.ts';

/** What an entry is: `fine` where the walk goes on or ends well, whatever the rights. @internal */
export type EntryVerdict = 'fine' | 'not-present' | 'misconfiguration';

/** An entry, or several, and what they are at some levels. @internal */
export interface MisconfigurationRow {
  /** The rule, SDM vol. 3C, 28.3.3.1 and tables 28-1 to 28-6. */
  rule: string;
  levels: readonly number[];
  /** All but the address, which is good for a table and for a page of 1 GiB. */
  entries: readonly bigint[];
  capabilities?: Partial<ReferenceEpt['capabilities']>;
  /** EPTP with bits 6 and 7. */
  flagged?: boolean;
  is: EntryVerdict;
}

const all = [5, 4, 3, 2, 1] as const;
const pointers = [5, 4, 3, 2] as const;
/** Read, write, execute; in a page write-back. */
const open = 0x7n;
const page = 0x37n;
const large = 0xb7n;

const bit = (position: number) => 1n << BigInt(position);
const bits = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => bit(from + index));
const withEach = (entry: bigint, added: readonly bigint[]) => added.map((one) => entry | one);

/** Complete: every row of the manual's list, each with what is beside it and fine. @internal */
export const misconfigurations: readonly MisconfigurationRow[] = [
  // Not present: bits 62:3 say nothing, were they all set.
  { rule: 'bits 2:0 clear', levels: all, entries: [0n, 0x7fff_ffff_ffff_fff8n & ~0x400n, 0x78n], is: 'not-present' },
  { rule: 'bits 2:0 clear, bit 10 without its control', levels: all, entries: [0x400n, 0x4b0n], is: 'not-present' },
  {
    rule: 'bits 2:0 and 10 clear, with the control',
    levels: all,
    entries: [0xb0n],
    capabilities: { modeBasedExecute: true },
    is: 'not-present',
  },
  {
    rule: 'bit 58 in an entry that is not present',
    levels: all,
    entries: [bit(58), bit(58) | 0xb0n],
    capabilities: { pagingWrite: true },
    is: 'not-present',
  },

  // Bit 0 clear.
  { rule: 'write without read', levels: pointers, entries: [2n, 6n], is: 'misconfiguration' },
  { rule: 'write without read', levels: [1], entries: [0x32n, 0x36n], is: 'misconfiguration' },
  {
    rule: 'write without read, outranking a bad memory type and a reserved bit',
    levels: [1],
    entries: [0x3an, 0x3en | bit(45)],
    is: 'misconfiguration',
  },
  { rule: 'execute-only where it exists', levels: pointers, entries: [4n], is: 'fine' },
  { rule: 'execute-only where it exists', levels: [1], entries: [0x34n], is: 'fine' },
  {
    rule: 'execute-only where it does not exist',
    levels: all,
    entries: [4n, 0x404n],
    capabilities: { executeOnly: false },
    is: 'misconfiguration',
  },
  {
    rule: 'bit 10 alone, without execute-only',
    levels: all,
    entries: [0x400n],
    capabilities: { executeOnly: false, modeBasedExecute: true },
    is: 'misconfiguration',
  },
  {
    rule: 'bit 10 alone, with execute-only',
    levels: pointers,
    entries: [0x400n, 0x404n],
    capabilities: { modeBasedExecute: true },
    is: 'fine',
  },
  {
    rule: 'bit 10 alone is nothing without its control',
    levels: all,
    entries: [0x400n],
    capabilities: { executeOnly: false },
    is: 'not-present',
  },
  {
    rule: 'readable, whatever else',
    levels: pointers,
    entries: [1n, 3n, 5n, 7n, 0x401n, 0x407n],
    capabilities: { executeOnly: false, modeBasedExecute: true },
    is: 'fine',
  },

  // Bit 58 of what maps a page.
  {
    rule: 'paging-write without read, in a page',
    levels: [1],
    entries: [0x34n | bit(58)],
    capabilities: { pagingWrite: true },
    is: 'misconfiguration',
  },
  {
    rule: 'paging-write without read, in a large page',
    levels: [3, 2],
    entries: [0xb4n | bit(58)],
    capabilities: { pagingWrite: true },
    is: 'misconfiguration',
  },
  {
    rule: 'paging-write without read, in a pointer',
    levels: pointers,
    entries: [4n | bit(58)],
    capabilities: { pagingWrite: true },
    is: 'fine',
  },
  { rule: 'bit 58 without its control', levels: [1], entries: [0x34n | bit(58)], is: 'fine' },
  {
    rule: 'paging-write with read',
    levels: [1],
    entries: [0x31n | bit(58)],
    capabilities: { pagingWrite: true },
    is: 'fine',
  },

  // Reserved bits.
  {
    rule: 'bits 7:3 of a PML5E and a PML4E',
    levels: [5, 4],
    entries: withEach(open, bits(3, 7)),
    is: 'misconfiguration',
  },
  {
    rule: 'bits 6:3 of a PDPTE and a PDE',
    levels: [3, 2],
    entries: withEach(open, bits(3, 6)),
    is: 'misconfiguration',
  },
  {
    rule: 'bits 29:12 of a page of 1 GiB',
    levels: [3],
    entries: withEach(large, bits(12, 29)),
    is: 'misconfiguration',
  },
  {
    rule: 'bits 20:12 of a page of 2 MiB',
    levels: [2],
    entries: withEach(large, bits(12, 20)),
    is: 'misconfiguration',
  },
  {
    rule: 'bits 29:21 of a page of 2 MiB are address',
    levels: [2],
    entries: withEach(large, bits(21, 29)),
    is: 'fine',
  },
  {
    rule: 'a page of 1 GiB where there are none',
    levels: [3],
    entries: [large],
    capabilities: { page1g: false },
    is: 'misconfiguration',
  },
  { rule: 'a page of 2 MiB', levels: [2], entries: [large], capabilities: { page1g: false }, is: 'fine' },
  {
    rule: 'bits 51:40, above MAXPHYADDR',
    levels: pointers,
    entries: withEach(open, bits(40, 51)),
    is: 'misconfiguration',
  },
  { rule: 'bits 51:40, above MAXPHYADDR', levels: [1], entries: withEach(page, bits(40, 51)), is: 'misconfiguration' },
  { rule: 'bits 51:40 of large pages', levels: [3, 2], entries: withEach(large, bits(40, 51)), is: 'misconfiguration' },
  {
    rule: 'bits 51:12 with 52 bits of address',
    levels: [1],
    entries: withEach(page, bits(12, 51)),
    capabilities: { maxPhyAddr: 52 },
    is: 'fine',
  },

  // Memory types, of the last entry only.
  { rule: 'memory types 2, 3 and 7', levels: [1], entries: [0x17n, 0x1fn, 0x3fn], is: 'misconfiguration' },
  { rule: 'memory types 2, 3 and 7', levels: [3, 2], entries: [0x97n, 0x9fn, 0xbfn], is: 'misconfiguration' },
  { rule: 'memory types 0, 1, 4, 5 and 6', levels: [1], entries: [0x07n, 0x0fn, 0x27n, 0x2fn, 0x37n], is: 'fine' },
  { rule: 'memory types 0, 1, 4, 5 and 6', levels: [3, 2], entries: [0x87n, 0x8fn, 0xa7n, 0xafn, 0xb7n], is: 'fine' },
  { rule: 'bit 6, ignore PAT', levels: [1], entries: [0x77n], is: 'fine' },
  { rule: 'bit 6, ignore PAT', levels: [3, 2], entries: [0xf7n], is: 'fine' },

  // Ignored.
  { rule: 'bit 7 of a PTE', levels: [1], entries: [0xb7n], is: 'fine' },
  { rule: 'bits 11:8 of a pointer', levels: pointers, entries: withEach(open, bits(8, 11)), is: 'fine' },
  { rule: 'bits 11:8 of a page', levels: [1], entries: withEach(page, bits(8, 11)), is: 'fine' },
  {
    rule: 'bits 11:8 with all flags',
    levels: pointers,
    entries: withEach(open, bits(8, 11)),
    flagged: true,
    is: 'fine',
  },
  { rule: 'bits 63:52 of a pointer', levels: pointers, entries: withEach(open, bits(52, 63)), is: 'fine' },
  { rule: 'bits 63:52 of a page', levels: [1], entries: withEach(page, bits(52, 63)), is: 'fine' },
  { rule: 'bits 63:52 of large pages', levels: [3, 2], entries: withEach(large, bits(52, 63)), is: 'fine' },
  { rule: 'bits 63:52 with all flags', levels: [1], entries: withEach(page, bits(52, 63)), flagged: true, is: 'fine' },
];
