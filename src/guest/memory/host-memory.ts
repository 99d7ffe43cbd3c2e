import { closeSync, openSync, readSync } from 'node:fs';
import { formatHex } from '../../paging/index.ts';
import type { MemoryMap, Region } from './memory-map.ts';
import type { MemoryPiece, PhysicalMemory } from './physical-memory.ts';

/**
 * Guest memory as this host has it: a file that backs a RAM block, or the memory of the QEMU process. Reading it needs
 * neither the stub nor a paused guest, and QEMU does not notice; so it must never be written this way.
 *
 * @internal
 */
export interface HostMemory extends PhysicalMemory, Disposable {
  /** For reports. */
  readonly kind: 'host-file' | 'host-process';
  /** Whether a region can be read here. */
  covers(region: Region): boolean;
}

/** Where the byte at a region's `first` lies in a file, or in a process's memory. @internal */
export type RegionOffset = (region: Region) => number | undefined;

/** Guest memory through one file descriptor. @internal */
export class HostDescriptorMemory implements HostMemory {
  readonly kind: HostMemory['kind'];
  readonly #descriptor: number;
  readonly #map: MemoryMap;
  readonly #offsetOf: RegionOffset;

  /** @throws the system's error when the file may not be opened. */
  constructor(kind: HostMemory['kind'], path: string, map: MemoryMap, offsetOf: RegionOffset) {
    this.kind = kind;
    this.#descriptor = openSync(path, 'r');
    this.#map = map;
    this.#offsetOf = offsetOf;
  }

  covers(region: Region): boolean {
    return this.#offsetOf(region) !== undefined;
  }

  read(pieces: readonly MemoryPiece[], targets: readonly Uint8Array[] = []): Promise<readonly Uint8Array[]> {
    return Promise.resolve(
      pieces.map((piece, at) => this.#readPiece(piece, targets[at] ?? new Uint8Array(piece.length))),
    );
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }

  #readPiece({ address, length }: MemoryPiece, bytes: Uint8Array): Uint8Array {
    const region = this.#map.regionAt(BigInt(address));
    const offset = this.#offsetOf(region);
    if (offset === undefined) throw new RangeError(`${region.name || 'nothing'} at ${formatHex(address)} is not here`);
    const position = offset + (address - Number(region.first));
    // A short read means that the mapping is gone: QEMU is, or the region was unplugged.
    const count = readSync(this.#descriptor, bytes, 0, length, position);
    if (count !== length)
      throw new RangeError(`only ${count} of ${length} bytes could be read at ${formatHex(address)}`);
    return bytes;
  }
}

/** Reads each piece where it is to be had: from the host if that covers it, else from the stub. @internal */
export function layeredMemory(host: HostMemory, stub: PhysicalMemory, map: MemoryMap): PhysicalMemory {
  return {
    async read(pieces, targets) {
      const isOnHost = pieces.map(({ address }) => host.covers(map.regionAt(BigInt(address))));
      const [fromHost, fromStub] = await Promise.all([
        host.read(
          pieces.filter((_, at) => isOnHost[at]),
          targets?.filter((_, at) => isOnHost[at]),
        ),
        stub.read(
          pieces.filter((_, at) => !isOnHost[at]),
          targets?.filter((_, at) => !isOnHost[at]),
        ),
      ]);
      let nextHost = 0;
      let nextStub = 0;
      return isOnHost.map((onHost) => {
        const bytes = onHost ? fromHost[nextHost++] : fromStub[nextStub++];
        if (bytes === undefined) throw new RangeError('memory gave no bytes for a piece');
        return bytes;
      });
    },
  };
}
