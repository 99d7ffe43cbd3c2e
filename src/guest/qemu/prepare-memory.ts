import type { Link } from '../link/link.ts';
import { HostPlaces } from '../memory/host/host-places.ts';
import { askForPlaces } from '../memory/host/open-host-memory.ts';
import { MemoryMapMemo } from './memory-map-memo.ts';

/** What is known of a guest's memory from pause to pause. @internal */
export interface KnownMemory {
  readonly maps: MemoryMapMemo;
  readonly places: HostPlaces;
}

/**
 * Asks for what the first pause would ask for and nearly never is another then, while the guest runs: the memory map, and where this host has
 * its regions. The pause has only to see that the map is still the same.
 *
 * @param readsHost - many pages are going to be read, from this host where it has them
 * @internal
 */
export async function prepareMemory(
  link: Pick<Link, 'monitor' | 'peer' | 'firstViews'>,
  readsHost: boolean,
): Promise<KnownMemory> {
  const known = { maps: new MemoryMapMemo(), places: new HostPlaces() };
  const { monitor, peer } = link;
  const views = link.firstViews();
  if (views === null) return known;
  try {
    const map = known.maps.select(await views, 0, false);
    if (readsHost && peer.kind !== 'unknown') await askForPlaces(monitor, map, known.places);
  } catch {
    // What went wrong shows when it is asked in the pause.
  }
  return known;
}
