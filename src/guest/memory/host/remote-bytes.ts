import type { RemoteProcess } from '../../../../protocols/transport/internal.ts';
import type { HostBytes } from './host-memory.ts';

/** The memory of a process of another host. @internal */
export function remoteBytes(process: RemoteProcess): HostBytes {
  return {
    read: (pieces) =>
      process.readMemory(pieces).catch((error: unknown) => {
        throw new RangeError((error as Error).message, { cause: error });
      }),
    close: () => {},
  };
}
