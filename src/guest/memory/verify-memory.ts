import { formatHex } from '../../paging/index.ts';
import type { HostMemory } from './host-memory.ts';
import type { MemoryMap } from './memory-map.ts';
import type { VerifyMemory } from './open-host-memory.ts';
import type { MemoryPiece, PhysicalMemory } from './physical-memory.ts';

const PAGE_BYTES = 4096;
/** Pages compared from each end and the middle of a RAM region, besides the root table. */
const SAMPLES = 3;

function samplePages(map: MemoryMap, root: number): MemoryPiece[] {
  const starts = map.regions.flatMap(({ kind, first, last }) => {
    if (kind !== 'ram') return [];
    const pages = Number((last - first + 1n) / BigInt(PAGE_BYTES));
    return Array.from({ length: SAMPLES }, (_, at) => Number(first) + Math.floor((pages * at) / SAMPLES) * PAGE_BYTES);
  });
  const rootPage = root - (root % PAGE_BYTES);
  return [...new Set([rootPage, ...starts])]
    .filter((address) => map.isReadable(address, PAGE_BYTES))
    .map((address) => ({ address, length: PAGE_BYTES }));
}

/**
 * Compares memory found on this host with what a trusted way shows: the root table, and pages of every RAM region. Pages that
 * are all zero prove nothing.
 *
 * @internal
 */
export function compareWith(trusted: PhysicalMemory, map: MemoryMap, root: number): VerifyMemory {
  return (found) => compare(samplePages(map, root), trusted, found, map);
}

/** How often a page may change between two looks before it counts as another one. */
const LIVE_TRIES = 3;

/**
 * The same for a guest that runs: its root table alone, which changes rarely, and more than once if need be.
 *
 * @internal
 */
export function compareRootTable(trusted: PhysicalMemory, map: MemoryMap, root: number): VerifyMemory {
  const page = { address: root - (root % PAGE_BYTES), length: PAGE_BYTES };
  return async (found) => {
    if (!map.isReadable(page.address, page.length)) return 'it could not be verified: the root table is not in memory';
    let reason: string | undefined;
    for (let attempt = 0; attempt < LIVE_TRIES; attempt += 1) {
      reason = await compare([page], trusted, found, map);
      if (reason === undefined) return undefined;
    }
    return reason;
  };
}

async function compare(
  samples: readonly MemoryPiece[],
  trusted: PhysicalMemory,
  found: HostMemory,
  map: MemoryMap,
): Promise<string | undefined> {
  const pieces = samples.filter(({ address }) => found.covers(map.regionAt(BigInt(address))));
  const [expected, actual] = await Promise.all([trusted.read(pieces), found.read(pieces)]);
  const differing = pieces.find((_, at) => Buffer.compare(expected[at] ?? EMPTY, actual[at] ?? EMPTY) !== 0);
  if (differing) return `it is not the guest's memory: the page at ${formatHex(BigInt(differing.address))} differs`;
  const proves = expected.some((bytes) => bytes.some((byte) => byte !== 0));
  return proves ? undefined : 'it could not be verified: every page compared is zero';
}

const EMPTY = new Uint8Array();
