import type { EntrySource } from '../../../src/paging/index.ts';
import {
  ARENA_BYTES,
  ARENA_OFFSET,
  IMAGE_BASE,
  IMAGE_END,
  IMAGE_TABLES,
  KERNEL_END,
  RAM_BYTES,
  TABLES_HALF_BYTES,
  TABLES_OFFSET,
} from './layout.ts';

/** The 16 MiB of one of the two memories that are the test's. */
export interface Arena {
  readonly base: number;
  readonly bytes: Buffer;
}

/**
 * What lies at a physical address: pages that say where they are, tables, zeros, nothing at all; or what is not to be touched:
 * the kernel, devices, the tables of another batch.
 */
export type Place = 'pages' | 'tables' | 'zeros' | 'nothing' | 'forbidden';

/** A walk went where none should: into what the guest itself lives on. Such a probe is not made. */
export class StrayWalkError extends Error {
  override name = 'StrayWalkError';
}

/**
 * Every 16 bytes of pages: `mov eax, number; int3; nop; nop`, and a descriptor of a flat data segment for users whose accessed
 * bit is not set.
 *
 * ```
 *   b8 nn nn nn nn cc 90 90   ff ff 00 00 00 f2 cf 00
 * ```
 */
const MARKER_LOW = 0xb8;
const MARKER_HIGH = 0x9090_cc00;
const DESCRIPTOR_LOW = 0x0000_ffff;
const DESCRIPTOR_HIGH = 0x00cf_f200;
/** The descriptor's accessed bit. SDM vol. 3A, 3.4.5.1. */
export const DESCRIPTOR_ACCESSED = 1n << 40n;
const MARKER_STEP = 16;
/** Below 4 GiB QEMU's PC has what is not RAM: PCI, interrupt controllers, firmware. */
const DEVICES = 0xc000_0000;
const DEVICES_END = 0x1_0000_0000;

const MARKER_IN_HIGH_MEMORY = 0x80_0000;

/** The number in the 16 bytes of pages at an address: `mov eax, number; int3`, to be loaded or fetched. */
export function markerNumber({ highBase }: GuestMemory, address: number): number {
  const isHigh = highBase !== null && address >= highBase;
  return numberAt(isHigh ? address - highBase : address, isHigh);
}

function numberAt(offset: number, isHigh: boolean): number {
  return Math.floor(offset / MARKER_STEP) + (isHigh ? MARKER_IN_HIGH_MEMORY : 0);
}

/** An arena whose tables are empty. Its pages are the same in every guest, and take longer to make than to copy. */
function makeArena(isHigh: boolean): Buffer {
  const bytes = Buffer.alloc(ARENA_BYTES);
  const pages = knownPages.get(isHigh) ?? makePages(isHigh);
  knownPages.set(isHigh, pages);
  pages.copy(bytes);
  return bytes;
}

const knownPages = new Map<boolean, Buffer>();

function makePages(isHigh: boolean): Buffer {
  const pages = Buffer.alloc(TABLES_OFFSET);
  for (let offset = 0; offset < TABLES_OFFSET; offset += MARKER_STEP) {
    const number = numberAt(ARENA_OFFSET + offset, isHigh);
    pages.writeUInt32LE(((number << 8) | MARKER_LOW) >>> 0, offset);
    pages.writeUInt32LE((MARKER_HIGH | (number >>> 24)) >>> 0, offset + 4);
    pages.writeUInt32LE(DESCRIPTOR_LOW, offset + 8);
    pages.writeUInt32LE(DESCRIPTOR_HIGH, offset + 12);
  }
  return pages;
}

/**
 * What the host knows of the guest's physical memory while no probe runs: a copy of what it wrote itself. Memory that nobody
 * wrote is zero.
 */
export class GuestMemory implements EntrySource {
  readonly highBase: number | null;
  readonly arenas: readonly Arena[];
  /** Which half of the memory for tables is the batch's that probes are drawn for. */
  tablesHalf: 0 | 1 = 0;
  /** Where, in units of eight bytes, the entries lie that lead to the kernel's window: storing there would be its end. */
  readonly vitalUnits = new Set<number>();
  readonly #image: Buffer;

  /** @param image - the kernel, with what the host changed in its tables */
  constructor(highBase: number | null, image: Buffer) {
    this.highBase = highBase;
    this.#image = image;
    const bases = highBase === null ? [0] : [0, highBase];
    this.arenas = bases.map((base, at) => ({ base: base + ARENA_OFFSET, bytes: makeArena(at === 1) }));
  }

  /** @throws StrayWalkError where nothing is to be touched but the window's tables */
  readEntry(address: bigint, size: 4 | 8): bigint | null {
    const at = Number(address);
    const place = this.placeOf(at);
    if (place === 'nothing') return null;
    if (place === 'zeros') return 0n;
    const { bytes, offset } = place === 'forbidden' ? this.#inWindowTables(at) : this.#inArena(at);
    return size === 8 ? bytes.readBigUInt64LE(offset) : BigInt(bytes.readUInt32LE(offset));
  }

  placeOf(address: number): Place {
    if (address < KERNEL_END) return 'forbidden';
    const offset = this.#offsetInMemory(address);
    if (offset === null) return address >= DEVICES && address < DEVICES_END ? 'forbidden' : 'nothing';
    if (offset < ARENA_OFFSET) return 'zeros';
    const half = Math.floor((offset - ARENA_OFFSET - TABLES_OFFSET) / TABLES_HALF_BYTES);
    if (half < 0) return 'pages';
    return half === this.tablesHalf ? 'tables' : 'forbidden';
  }

  #offsetInMemory(address: number): number | null {
    if (address < RAM_BYTES) return address;
    const { highBase } = this;
    return highBase !== null && address >= highBase && address < highBase + RAM_BYTES ? address - highBase : null;
  }

  #inArena(address: number): { bytes: Buffer; offset: number } {
    for (const { base, bytes } of this.arenas) {
      if (address >= base && address < base + ARENA_BYTES) return { bytes, offset: address - base };
    }
    throw new RangeError(`not in an arena: 0x${address.toString(16)}`);
  }

  #inWindowTables(address: number): { bytes: Buffer; offset: number } {
    if (address >= IMAGE_TABLES && address < IMAGE_END) return { bytes: this.#image, offset: address - IMAGE_BASE };
    throw new StrayWalkError(`a walk reads what is not to be touched, at 0x${address.toString(16)}`);
  }
}
