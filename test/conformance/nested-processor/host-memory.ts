import type { EntrySource } from '../../../src/paging/index.ts';
import {
  ARENA_BYTES,
  ARENA_OFFSET,
  FRAMES_BYTES,
  GUEST_PML4,
  IMAGE_BASE,
  KERNEL_END,
  RAM_BYTES,
  WINDOW_CODE,
  WINDOW_TABLES_END,
} from './layout.ts';

/** The part of one of the two memories that is the test's. */
export interface Arena {
  readonly base: number;
  readonly bytes: Buffer;
}

/**
 * What lies at a physical address: frames full of markers, tables of either stage, the guest's code, zeros, nothing at all; or
 * what is not to be touched: the kernel, devices.
 */
export type Place = 'pages' | 'tables' | 'window' | 'zeros' | 'nothing' | 'forbidden';

/** A walk went where none should: into what the hypervisor itself lives on. Such a probe is not made. */
export class StrayWalkError extends Error {
  override name = 'StrayWalkError';
}

const PAGE = 4096;
/** Below 4 GiB QEMU's PC has what is not RAM: PCI, interrupt controllers, firmware. */
const DEVICES = 0xc000_0000;
const DEVICES_END = 0x1_0000_0000;

/**
 * Every 16 bytes of pages: `mov eax, number; vmmcall`, and code that stops the translator. Taken for a descriptor, the first
 * eight are none of a segment: their S bit is 0.
 *
 * ```
 *   b8 nn nn nn nn 0f 01 d9   cc cc cc cc cc cc cc cc
 * ```
 */
const MARKER_LOW = 0xb8;
const MARKER_HIGH = 0xd901_0f00;
const MARKER_STEP = 16;
const MARKER_IN_HIGH_MEMORY = 0x80_0000;
const FILLER = 0xcccc_cccc;

/**
 * What the host knows of physical memory while no probe runs: a copy of what it wrote itself. Memory that nobody wrote is zero.
 */
export class HostMemory implements EntrySource {
  readonly highBase: number | null;
  readonly arenas: readonly Arena[];
  /** Where, in units of eight bytes, the entries lie that lead to the window: storing there would be its end. */
  readonly vitalUnits = new Set<number>();
  /** Which kinds of frames, by bits 14:12 of their addresses, hold tables. */
  readonly tableKinds = new Set<number>();
  readonly #image: Buffer;

  /** @param image - the kernel, with what the host changed in its tables */
  constructor(highBase: number | null, image: Buffer) {
    this.highBase = highBase;
    this.#image = image;
    const bases = highBase === null ? [0] : [0, highBase];
    this.arenas = bases.map((base) => ({ base: base + ARENA_OFFSET, bytes: Buffer.alloc(ARENA_BYTES) }));
  }

  /** @throws StrayWalkError where nothing is to be touched but the tables of the window */
  readEntry(address: bigint, size: 4 | 8): bigint | null {
    const at = Number(address);
    const place = this.placeOf(at);
    if (place === 'nothing') return null;
    if (place === 'zeros') return 0n;
    const { bytes, offset } =
      place === 'forbidden' || place === 'window' ? this.#inWindowTables(at) : this.#inArena(at);
    return size === 8 ? bytes.readBigUInt64LE(offset) : BigInt(bytes.readUInt32LE(offset));
  }

  placeOf(address: number): Place {
    if (address >= WINDOW_CODE && address < WINDOW_CODE + 2 * PAGE) return 'window';
    if (address < KERNEL_END) return 'forbidden';
    const offset = this.#offsetInMemory(address);
    if (offset === null) return address >= DEVICES && address < DEVICES_END ? 'forbidden' : 'nothing';
    if (offset < ARENA_OFFSET || offset >= ARENA_OFFSET + ARENA_BYTES) return 'zeros';
    if (offset >= ARENA_OFFSET + FRAMES_BYTES) return 'tables';
    return this.tableKinds.has(kindOf(offset)) ? 'tables' : 'pages';
  }

  /** Empties the arenas. Frames of other kinds than these are filled with markers, these and the rest are zero. */
  clear(tableKinds: readonly number[]): void {
    this.vitalUnits.clear();
    this.tableKinds.clear();
    for (const kind of tableKinds) this.tableKinds.add(kind);
    for (const { base, bytes } of this.arenas) {
      bytes.fill(0);
      for (let frame = 0; frame < FRAMES_BYTES; frame += PAGE) {
        if (!this.tableKinds.has(kindOf(frame))) this.#writeMarkers(base + frame, bytes, frame);
      }
    }
  }

  /** Writes an entry. One that is vital must not be stored to by a probe. */
  put(address: number, low: number, high: number | null, isVital = false): void {
    const { bytes, offset } = this.#inArena(address);
    bytes.writeUInt32LE(low >>> 0, offset);
    if (high !== null) bytes.writeUInt32LE(high >>> 0, offset + 4);
    if (isVital) this.vitalUnits.add(address - (address % 8));
  }

  /** Whether a probe that stores to the eight bytes would take from the guest what it runs on. */
  isVital(unit: number): boolean {
    return this.vitalUnits.has(unit) || unit < KERNEL_END;
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
    if (address >= GUEST_PML4 && address < WINDOW_TABLES_END)
      return { bytes: this.#image, offset: address - IMAGE_BASE };
    throw new StrayWalkError(`a walk reads what is not to be touched, at 0x${address.toString(16)}`);
  }

  #writeMarkers(address: number, bytes: Buffer, start: number): void {
    for (let offset = 0; offset < PAGE; offset += MARKER_STEP) {
      const number = markerNumber(this, address + offset);
      bytes.writeUInt32LE(((number << 8) | MARKER_LOW) >>> 0, start + offset);
      bytes.writeUInt32LE((MARKER_HIGH | (number >>> 24)) >>> 0, start + offset + 4);
      bytes.writeUInt32LE(FILLER, start + offset + 8);
      bytes.writeUInt32LE(FILLER, start + offset + 12);
    }
  }
}

/** What a frame holds, by its address or a guest-physical one that leads to it. */
export function kindOf(address: number): number {
  return Math.floor(address / PAGE) % 8;
}

/** The number in the 16 bytes of pages at an address. */
export function markerNumber({ highBase }: HostMemory, address: number): number {
  const isHigh = highBase !== null && address >= highBase;
  const offset = isHigh ? address - highBase : address;
  return Math.floor(offset / MARKER_STEP) + (isHigh ? MARKER_IN_HIGH_MEMORY : 0);
}
