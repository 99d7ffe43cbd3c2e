import type { StubSession } from '../stub/stub-session.ts';
import type { WritableMemory } from './write-bits.ts';

/**
 * Guest physical memory through the stub's memory packets, in physical mode: the provider that always works. The session is
 * asked for its client each time, so that nothing is sent once it is being left.
 *
 * @internal
 */
export function stubMemory(session: StubSession): WritableMemory {
  return {
    read: async (pieces, targets) => session.inPhysicalMode((client) => client.readMemoryMany(pieces, targets)),
    write: async (address, bytes) => session.inPhysicalMode((client) => client.writeMemory(address, bytes)),
  };
}
