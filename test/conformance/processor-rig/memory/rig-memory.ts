import type { EntrySource } from '../../../../src/paging/index.ts';
import { ARENA_OFFSET, HIGH_ALIAS, IMAGE_BASE, KERNEL_END, RAM_BYTES } from '../layout.ts';

/** The part of one of the two memories that is the test's. */
export interface Arena {
  readonly base: number;
  readonly bytes: Buffer;
}

/**
 * What lies at a physical address: pages that say where they are, tables, code of the window, zeros, nothing at all; or what is
 * not to be touched: the kernel, devices, the tables of another batch.
 */
export type Place = 'pages' | 'tables' | 'window' | 'zeros' | 'nothing' | 'forbidden';

/** A walk went where none should: into what the kernel itself lives on. Such a probe is not made. */
export class StrayWalkError extends Error {
  override name = 'StrayWalkError';
}

/** What of a kernel's physical memory a walk may read. */
export interface MemoryShape {
  readonly arenaBytes: number;
  /** The tables in the kernel's image that lead to its window. */
  readonly windowTables: { readonly start: number; readonly end: number };
}

/** Below 4 GiB QEMU's PC has what is not RAM: PCI, interrupt controllers, firmware. */
const DEVICES = 0xc000_0000;
const DEVICES_END = 0x1_0000_0000;

/**
 * What the host knows of the guest's physical memory while no probe runs: a copy of what it wrote itself. Memory that no part of the rig
 * wrote is zero.
 */
export abstract class RigMemory implements EntrySource {
  readonly highBase: number | null;
  readonly arenas: readonly Arena[];
  /** Where, in units of eight bytes, the entries lie that lead to the window: storing there would be its end. */
  readonly vitalUnits = new Set<number>();
  readonly #image: Buffer;
  readonly #shape: MemoryShape;

  /** @param image - the kernel, with what the host changed in its tables */
  constructor(highBase: number | null, image: Buffer, shape: MemoryShape) {
    this.highBase = highBase;
    this.#image = image;
    this.#shape = shape;
    const bases = highBase === null ? [0] : [0, highBase];
    this.arenas = bases.map((base) => ({ base: base + ARENA_OFFSET, bytes: Buffer.alloc(shape.arenaBytes) }));
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
    if (address < KERNEL_END) return 'forbidden';
    const offset = this.#offsetInMemory(address);
    if (offset === null) return address >= DEVICES && address < DEVICES_END ? 'forbidden' : 'nothing';
    const inArena = offset - ARENA_OFFSET;
    return inArena < 0 || inArena >= this.#shape.arenaBytes ? 'zeros' : this.placeInArena(inArena);
  }

  /** @param offset - from the start of either arena */
  protected abstract placeInArena(offset: number): Place;

  /** Where the kernel sees physical memory between probes. */
  seenAt(address: number): number {
    if (address < RAM_BYTES) return address;
    return HIGH_ALIAS + (address - (this.highBase ?? 0));
  }

  /** Writes an entry, of four bytes without a high half. One that is vital must not be stored to by a probe. */
  put(address: number, low: number, high: number | null, isVital = false): void {
    const { bytes, offset } = this.#inArena(address);
    bytes.writeUInt32LE(low >>> 0, offset);
    if (high !== null) bytes.writeUInt32LE(high >>> 0, offset + 4);
    if (isVital) this.vitalUnits.add(address - (address % 8));
  }

  #offsetInMemory(address: number): number | null {
    if (address < RAM_BYTES) return address;
    const { highBase } = this;
    return highBase !== null && address >= highBase && address < highBase + RAM_BYTES ? address - highBase : null;
  }

  #inArena(address: number): { bytes: Buffer; offset: number } {
    for (const { base, bytes } of this.arenas) {
      if (address >= base && address < base + bytes.length) return { bytes, offset: address - base };
    }
    throw new RangeError(`not in an arena: 0x${address.toString(16)}`);
  }

  #inWindowTables(address: number): { bytes: Buffer; offset: number } {
    const { start, end } = this.#shape.windowTables;
    if (address >= start && address < end) return { bytes: this.#image, offset: address - IMAGE_BASE };
    throw new StrayWalkError(`a walk reads what is not to be touched, at 0x${address.toString(16)}`);
  }
}
