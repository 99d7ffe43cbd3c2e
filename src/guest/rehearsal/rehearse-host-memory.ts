import { readFileSync } from 'node:fs';
import { formatHex } from '../../paging/index.ts';
import { comparePaused } from '../memory/host/compare-pages.ts';
import type { RegionSource } from '../memory/host/host-memory.ts';
import { parseMappings } from '../memory/host/mappings.ts';
import { openHostMemory } from '../memory/host/open-host-memory.ts';
import { openLayeredMemory } from '../memory/host/open-layered-memory.ts';
import { MemoryMap } from '../memory/memory-map.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { readIdentity } from '../peer/process-identity.ts';

const PAGES = 16;
const PAGE_BYTES = 4096;

/**
 * What reads guest memory on this host, run on a piece of this process that stands for a guest's: nothing of it is kept.
 *
 * @returns how it was read, as a guest's would be; undefined where this host does not show it
 * @internal
 */
export async function rehearseHostMemory(): Promise<RegionSource['kind'] | undefined> {
  const identity = readIdentity(process.pid);
  const lengthBytes = PAGES * PAGE_BYTES;
  const place = parseMappings(readFileSync('/proc/self/maps', 'latin1')).find(
    ({ isReadable, first, end }) => isReadable && end - first >= lengthBytes,
  );
  if (identity === undefined || place === undefined) return undefined;
  const { pid, uid } = identity;
  const map = new MemoryMap([{ kind: 'ram', name: 'ram', first: 0n, last: BigInt(lengthBytes - 1), offset: 0n }]);
  const answer = `Host virtual address for 0x0 (ram) is ${formatHex(place.first)}\r\n`;
  const host = await openHostMemory({ hmp: async () => answer }, map, { kind: 'process', pid, uid, identity });
  if (!('kind' in host)) return undefined;
  const trusted: PhysicalMemory = {
    read: async (pieces) => {
      const targets = pieces.map((piece) => new Uint8Array(piece.lengthBytes));
      await host.read(pieces, targets);
      return targets;
    },
  };
  using layers = await openLayeredMemory(host, trusted, map, comparePaused, 0);
  await layers.memory.read([{ address: 0, lengthBytes }]);
  return layers.provider;
}
