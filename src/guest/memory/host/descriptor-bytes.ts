import { closeSync, readSync } from 'node:fs';
import type { HostBytes } from './host-memory.ts';

/** A file of this host that is open. It is closed with it. @internal */
export function descriptorBytes(descriptor: number): HostBytes {
  return {
    read(pieces) {
      for (const { position, target } of pieces) {
        const count = readSync(descriptor, target, 0, target.length, position);
        // A short read means that the mapping is gone: QEMU is, or the region was unplugged.
        if (count !== target.length) {
          throw new RangeError(`only ${count} of ${target.length} bytes could be read`);
        }
      }
      return undefined;
    },
    close: () => closeSync(descriptor),
  };
}
