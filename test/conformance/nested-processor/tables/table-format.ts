import type { PagedMode } from '../../processor-rig/paged-mode.ts';

/** What the tables of a paging mode look like, as far as filling them needs it. */
export interface TableFormat {
  readonly top: number;
  readonly entryBytes: 4 | 8;
  readonly entries: number;
  /** Bytes of a large page, by level. */
  readonly largePages: Readonly<Record<number, number>>;
}

const MIB = 2 ** 20;

export const tableFormats: Readonly<Record<PagedMode, TableFormat>> = {
  '32-bit': { top: 2, entryBytes: 4, entries: 1024, largePages: { 2: 4 * MIB } },
  pae: { top: 3, entryBytes: 8, entries: 512, largePages: { 2: 2 * MIB } },
  '4-level': { top: 4, entryBytes: 8, entries: 512, largePages: { 2: 2 * MIB, 3: 1024 * MIB } },
  '5-level': { top: 5, entryBytes: 8, entries: 512, largePages: { 2: 2 * MIB, 3: 1024 * MIB } },
};

/** In PAE mode a page of roots is 128 tables of four entries. */
export function isPointerTable(mode: PagedMode, level: number): boolean {
  return mode === 'pae' && level === 3;
}

/** P, RW, US, A, D: with A and D preset, running the guest's code changes no entry that leads to it. */
const WINDOW_FLAGS = 0x67;
/** P, and the bit that TCG takes for A: all else that a PDPTE might have is reserved. */
const WINDOW_POINTER_FLAGS = 0x21;

/** The flags of an entry that leads to the window. */
export function windowFlags(mode: PagedMode, level: number): number {
  return isPointerTable(mode, level) ? WINDOW_POINTER_FLAGS : WINDOW_FLAGS;
}
