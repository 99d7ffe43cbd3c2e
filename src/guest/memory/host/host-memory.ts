import { closeSync, readSync } from 'node:fs';
import { formatHex } from '../../../paging/index.ts';
import type { MemoryAttempt } from '../../errors.ts';
import type { MemoryMap, Region } from '../memory-map.ts';

/** Where the bytes of a region are on this host. @internal */
export interface RegionSource {
  readonly kind: 'host-file' | 'host-process';
  readonly descriptor: number;
  /** Of the region's first byte. */
  readonly position: number;
  readonly block: HostBlock;
}

/** A RAM block of QEMU's: one piece of its memory, of which the guest sees parts. @internal */
export interface HostBlock {
  readonly name: string;
  readonly regions: readonly Region[];
  /** Whether its bytes are the guest's: not known until some have been compared with those that another way shows. */
  verdict: 'open' | 'same' | 'foreign';
}

/** Where bytes of guest memory go. @internal */
export interface HostPiece {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/**
 * Guest memory as this host has it: files that back RAM blocks, and the memory of the QEMU process. Reading it needs neither the
 * stub nor a paused guest, and QEMU does not notice; so it must never be written this way.
 *
 * @internal
 */
export class HostMemory implements Disposable {
  /** For reports: how most of it is read. */
  readonly kind: RegionSource['kind'];
  /** Why it is not read in a better way, or not all of it. */
  readonly attempts: MemoryAttempt[];
  readonly #map: MemoryMap;
  readonly #sources: ReadonlyMap<Region, RegionSource>;
  /** Pieces come one after the other, and mostly lie where the last did. */
  #lastFirst = 0;
  #lastLast = -1;
  #lastSource: RegionSource | undefined;

  constructor(
    kind: RegionSource['kind'],
    map: MemoryMap,
    sources: ReadonlyMap<Region, RegionSource>,
    attempts: MemoryAttempt[],
  ) {
    this.kind = kind;
    this.#map = map;
    this.#sources = sources;
    this.attempts = attempts;
  }

  /** The block that an address lies in, if it can be read here. */
  blockAt(address: number): HostBlock | undefined {
    return this.#sourceAt(address)?.block;
  }

  /** Reads into `bytes`. @throws RangeError when the bytes are not, or no longer, here. */
  readInto(address: number, bytes: Uint8Array): void {
    const source = this.#sourceAt(address);
    if (source === undefined) throw new RangeError(`guest memory at ${formatHex(address)} is not on this host`);
    const count = readSync(source.descriptor, bytes, 0, bytes.length, source.position + (address - this.#lastFirst));
    // A short read means that the mapping is gone: QEMU is, or the region was unplugged.
    if (count !== bytes.length) {
      throw new RangeError(`only ${count} of ${bytes.length} bytes could be read at ${formatHex(address)}`);
    }
  }

  /**
   * Reads many pieces. Neighbours whose bytes go to neighbouring places are read as one: a call of the system takes longer than a page.
   *
   * @throws as {@link HostMemory.readInto}
   */
  readAll(pieces: readonly HostPiece[]): void {
    for (let at = 0; at < pieces.length; ) {
      const { address, bytes: first } = pieces[at] as HostPiece;
      let lengthBytes = first.length;
      // Within one region, as the next may lie anywhere on this host.
      const isInRegion = this.#sourceAt(address) !== undefined;
      for (at += 1; isInRegion && at < pieces.length; at += 1) {
        const { address: next, bytes } = pieces[at] as HostPiece;
        const isNeighbour =
          next === address + lengthBytes &&
          bytes.buffer === first.buffer &&
          bytes.byteOffset === first.byteOffset + lengthBytes &&
          next + bytes.length - 1 <= this.#lastLast;
        if (!isNeighbour) break;
        lengthBytes += bytes.length;
      }
      this.readInto(address, new Uint8Array(first.buffer, first.byteOffset, lengthBytes));
    }
  }

  [Symbol.dispose](): void {
    for (const descriptor of new Set([...this.#sources.values()].map((source) => source.descriptor))) {
      closeSync(descriptor);
    }
  }

  #sourceAt(address: number): RegionSource | undefined {
    if (address < this.#lastFirst || address > this.#lastLast) {
      const region = this.#map.regionAt(BigInt(address));
      this.#lastFirst = Number(region.first);
      this.#lastLast = Number(region.last);
      this.#lastSource = this.#sources.get(region);
    }
    return this.#lastSource;
  }
}
