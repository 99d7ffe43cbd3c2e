import type { TableSnapshot } from '../../../guest/index.ts';
import type { Alias } from '../../../paging/index.ts';
import type { AddressRange } from '../../options/parse-range.ts';
import { describeRoot } from '../../picture/snapshot-notes.ts';

/** What is looked for in the tables of one address space. @internal */
export interface SnapshotSearch {
  readonly physical: AddressRange;
  readonly range: Partial<AddressRange>;
  /** In the tables of a nested guest alone. */
  readonly l2?: boolean;
  /** Stops after so many places. */
  readonly limit: number;
}

/** What came of it. @internal */
export interface SearchedSnapshot {
  readonly aliases: readonly Alias[];
  /** Why not everything was looked through, as a sentence; null where it was. */
  readonly incomplete: string | null;
}

/** Looks through the tables of one address space. @internal */
export function searchSnapshot(
  snapshot: TableSnapshot,
  { physical, range, l2 = false, limit }: SnapshotSearch,
): SearchedSnapshot {
  const aliases: Alias[] = [];
  const take = (alias: Alias): boolean => aliases.push(alias) < limit;
  const { complete } = l2 ? snapshot.l2Aliases(physical, take, range) : snapshot.aliases(physical, take, range);
  return { aliases, incomplete: describeIncomplete(snapshot, complete, aliases.length, limit) };
}

function describeIncomplete(snapshot: TableSnapshot, complete: boolean, count: number, limit: number): string | null {
  if (!snapshot.isRootReadable) return describeRoot(snapshot);
  if (complete) return null;
  if (!snapshot.isWhole) return 'there are more page tables than are kept: look in a part with --range';
  if (count >= limit) return `stopped after ${limit} places: look in a part with --range`;
  return `stopped after ${count} places: page tables look corrupt (endless references). Look in a part with --range`;
}
