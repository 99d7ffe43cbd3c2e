import type { MemoryAttempt } from '../../errors.ts';
import type { MemoryMap } from '../memory-map.ts';
import type { PhysicalMemory } from '../physical-memory.ts';
import type { ComparePages } from './compare-pages.ts';
import type { HostMemory, RegionSource } from './host-memory.ts';
import { LayeredMemory, type NoHostMemory } from './layered-memory.ts';

/** Memory that is read on this host as far as that has it. @internal */
export interface OpenedLayers {
  readonly memory: PhysicalMemory;
  /** How this host has the tables; undefined where they are read in the trusted way. */
  readonly provider: RegionSource['kind'] | undefined;
  readonly attempts: readonly MemoryAttempt[];
  readonly [Symbol.dispose]: () => void;
}

/**
 * Puts what this host has of guest memory before a trusted way.
 *
 * @param root - where the tables begin: what is said of all memory is decided there; the rest is when it is read
 * @internal
 */
export async function openLayeredMemory(
  host: HostMemory | NoHostMemory,
  trusted: PhysicalMemory,
  map: MemoryMap,
  compare: ComparePages,
  root: number,
): Promise<OpenedLayers> {
  const memory = new LayeredMemory(host, trusted, map, compare);
  if (!('kind' in host)) return { memory, provider: undefined, attempts: host, [Symbol.dispose]: () => {} };
  const dispose = (): void => host[Symbol.dispose]();
  try {
    const isUsed = await memory.usesHostAt(root);
    return { memory, provider: isUsed ? host.kind : undefined, attempts: host.attempts, [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}
