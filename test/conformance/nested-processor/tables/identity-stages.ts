import { ARENA_OFFSET } from '../../processor-rig/layout.ts';
import { FRAMES_BYTES, GUEST_PDPT, NESTED_PT, RECORD, WINDOW_CODE } from '../layout.ts';
import { encodeRecord, type SvmRecord } from '../probes/record.ts';
import type { HostMemory } from './host-memory.ts';

/*
 * Tables made by hand for a hypervisor and a guest on 4-level paging: frames at addresses that are their own in both stages.
 */

export const PAGE = 4096;
/** P, RW, US */
export const OPEN = 0x7;
/** With A and D preset: of entries on a way that is no question of the test. */
export const USED = 0x67;

/** Bits 14:12 of a frame's address say what may be in it: 1 to 4 tables, else pages. */
export const frame = (at: number): number => ARENA_OFFSET + at * PAGE;
/** The guest's root. */
export const ROOT = frame(4);

export const [nestedRoot, nestedPdpt, nestedPd, nestedPt] = [0, 1, 2, 3].map(
  (at) => ARENA_OFFSET + FRAMES_BYTES + at * PAGE,
) as [number, number, number, number];

/** Where the second stage has the entry of a frame. */
export const nestedEntryOf = (address: number): number => nestedPt + ((address - ARENA_OFFSET) / PAGE) * 8;

/** The guest's tables on the way to a page. */
export interface GuestPath {
  readonly pdpt: number;
  readonly pd: number;
  readonly pt: number;
}

/** What the hypervisor is told of a guest in 64-bit mode, with no rule but the plain ones. */
export const usualRecord: Omit<SvmRecord, 'samples'> = {
  hostCr0: 0x8001_0031,
  hostCr4: 0x20,
  hostEfer: 0x1900,
  pkru: 0,
  pkrs: 0,
  nestedCr3: nestedRoot,
  user: false,
  is64Bit: true,
  cr0: 0x8001_0031,
  cr3: ROOT,
  cr4: 0x20,
  efer: 0x1d00,
  rflags: 2,
  rip: BigInt(WINDOW_CODE),
  rax: 0n,
  gdt: 0n,
};

/** Where the guest's code stores. */
export const STORE = BigInt(WINDOW_CODE) + 16n;

/** Nested tables that map every frame to itself, open; and the root of the guest with the way to its code. */
export function buildIdentity(memory: HostMemory): void {
  memory.clear([1, 2, 3, 4]);
  memory.put(nestedRoot, nestedPdpt | USED, 0);
  memory.put(nestedPdpt, nestedPd | USED, 0);
  memory.put(nestedPd, NESTED_PT | USED, 0);
  memory.put(nestedPd + (ARENA_OFFSET / 0x20_0000) * 8, nestedPt | USED, 0);
  for (let at = 0; at < 512; at++) memory.put(nestedPt + at * 8, frame(at) | OPEN, 0);
  memory.put(ROOT, GUEST_PDPT | USED, 0);
}

/** Has an entry of the guest's root lead to tables, and the first entry of each to the next. */
export function putPath(memory: HostMemory, slot: number, { pdpt, pd, pt }: GuestPath): void {
  memory.put(ROOT + slot * 8, pdpt | OPEN, 0);
  memory.put(pdpt, pd | OPEN, 0);
  memory.put(pd, pt | OPEN, 0);
}

/** One record, with samples at addresses as the hypervisor sees them. */
export function recordOf(record: Omit<SvmRecord, 'samples'>, samples: readonly number[]): Buffer {
  const bytes = Buffer.alloc(RECORD.size);
  encodeRecord({ ...record, samples }, bytes, 0);
  return bytes;
}

/** The low 12 bits of the guest's four entries, and of the nested ones behind them. */
export function formatBits(entries: readonly bigint[]): string {
  const words = entries.map((value) => (value & 0xfffn).toString(16));
  return `${words.slice(0, 4).join(' ')} | ${words.slice(4).join(' ')}`;
}
