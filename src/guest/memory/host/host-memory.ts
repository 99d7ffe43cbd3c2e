import { formatHex } from '../../../paging/index.ts';
import type { MemoryAttempt } from '../../errors.ts';
import type { MemoryMap, Region } from '../memory-map.ts';
import type { MemoryPiece } from '../physical-memory.ts';

/** Where the bytes of a region are on this host. @internal */
export interface RegionSource {
  readonly kind: 'host-file' | 'host-process';
  readonly bytes: HostBytes;
  /** Of the region's first byte. */
  readonly position: number;
  readonly block: HostBlock;
}

/** A piece of what holds guest memory: where it is read, and what is filled. @internal */
export interface HostPiece {
  readonly position: number;
  readonly target: Uint8Array;
}

/** What holds guest memory: a file, or the memory of a process. @internal */
export interface HostBytes {
  /**
   * Fills each target; at once where nothing is returned.
   *
   * @throws RangeError, or rejects with one, when not all bytes are there.
   */
  read(pieces: readonly HostPiece[]): Promise<void> | undefined;
  close(): void;
}

/** A RAM block of QEMU's: one piece of its memory, of which the guest sees parts. @internal */
export interface HostBlock {
  readonly name: string;
  readonly regions: readonly Region[];
  /** Whether its bytes are the guest's: not known until some have been compared with those that another way shows. */
  verdict: 'open' | 'same' | 'foreign';
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
  /** To be told when a block turns out to be something else. */
  readonly onForeign: () => void;
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
    onForeign: () => void = () => {},
  ) {
    this.onForeign = onForeign;
    this.kind = kind;
    this.#map = map;
    this.#sources = sources;
    this.attempts = attempts;
  }

  /** The block that an address lies in, if it can be read here. */
  blockAt(address: number): HostBlock | undefined {
    return this.#sourceAt(address)?.block;
  }

  /**
   * Fills each target; at once where nothing is returned. Neighbours whose bytes go to neighbouring places are read as one: a call of the
   * system takes longer than a page.
   *
   * @throws RangeError, or rejects with one, when the bytes are not, or no longer, here.
   */
  read(pieces: readonly MemoryPiece[], targets: readonly Uint8Array[]): Promise<void> | undefined {
    const wanted = new Map<HostBytes, HostPiece[]>();
    for (let at = 0; at < pieces.length; ) {
      const { address } = pieces[at] as MemoryPiece;
      const first = targets[at] as Uint8Array;
      const source = this.#sourceAt(address);
      if (source === undefined) throw new RangeError(`guest memory at ${formatHex(address)} is not on this host`);
      let lengthBytes = first.length;
      for (at += 1; at < pieces.length; at += 1) {
        const { address: next } = pieces[at] as MemoryPiece;
        const bytes = targets[at] as Uint8Array;
        const isNeighbour =
          next === address + lengthBytes &&
          bytes.buffer === first.buffer &&
          bytes.byteOffset === first.byteOffset + lengthBytes &&
          next + bytes.length - 1 <= this.#lastLast;
        if (!isNeighbour) break;
        lengthBytes += bytes.length;
      }
      const target = new Uint8Array(first.buffer, first.byteOffset, lengthBytes);
      const piece = { position: source.position + (address - this.#lastFirst), target };
      const others = wanted.get(source.bytes);
      if (others === undefined) wanted.set(source.bytes, [piece]);
      else others.push(piece);
    }
    const waiting = [...wanted].flatMap(([bytes, parts]) => bytes.read(parts) ?? []);
    return waiting.length === 0 ? undefined : Promise.all(waiting).then(() => {});
  }

  [Symbol.dispose](): void {
    for (const bytes of new Set([...this.#sources.values()].map((source) => source.bytes))) bytes.close();
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
