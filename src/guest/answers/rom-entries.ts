import { asAnswer, type NestedTranslation, type Translation } from '../../paging/internal.ts';
import type { MemoryMap, Region } from '../memory/memory-map.ts';

/**
 * An entry of a walk that lies in ROM: mostly RAM that a chipset's PAM registers show as ROM. What a processor writes
 * there, A or D, is ignored.
 *
 * @public
 */
export interface RomEntry {
  readonly stage: 'guest' | 'nested';
  readonly level: number;
  /** As in the walk's steps. */
  readonly address: bigint;
  readonly region: Region;
}

/** @param nested - both stages, where there are two: entries of the guest then lie where the second stage puts them @internal */
export function findRomEntries(
  map: MemoryMap,
  first: Translation,
  nested: NestedTranslation | null,
): readonly RomEntry[] {
  const placeOf = new Map(nested?.walks.map((walk) => [walk.l2PhysicalAddress, walk.l1PhysicalAddress]));
  const guest = first.steps.map((step) => ({
    stage: 'guest' as const,
    ...step,
    place: nested === null ? step.address : (placeOf.get(step.address) ?? null),
  }));
  const second = (nested?.walks ?? []).flatMap(({ steps }) =>
    steps.map((step) => ({ stage: 'nested' as const, ...step, place: step.address })),
  );
  // Several walks of the second stage go through the same entries.
  const seen = new Set<string>();
  return [...guest, ...second].flatMap(({ stage, level, address, place }) => {
    const region = place === null ? null : map.regionAt(place);
    const key = `${stage} ${level} ${address}`;
    if (region?.kind !== 'rom' || seen.has(key)) return [];
    seen.add(key);
    return [asAnswer<RomEntry>({ stage, level, address, region })];
  });
}
