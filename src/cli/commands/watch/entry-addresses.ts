import type { MappedLeaf } from '../../../paging/index.ts';
import type { WatchedMoment } from './watched-place.ts';

/** The entry that maps a page. @internal */
export interface LeafEntry {
  readonly leaf: MappedLeaf;
  /** Guest physical. */
  readonly address: number;
  readonly sizeBytes: 4 | 8;
}

/**
 * Where the entries of pages are. Pages of a table have neighbouring ones, so that a walk for each table is enough.
 *
 * @internal
 */
export async function entriesOf(
  { view, scope, snapshot }: WatchedMoment,
  leaves: readonly MappedLeaf[],
): Promise<LeafEntry[]> {
  const entries = snapshot.context.mode === '32-bit' ? 1024 : 512;
  const firsts: MappedLeaf[] = [];
  const tableOf: number[] = [];
  for (const leaf of leaves) {
    const first = firsts.at(-1);
    // Pages of another size lie in a table of another level.
    const isNeighbour =
      first?.sizeBytes === leaf.sizeBytes && tableNumber(first, entries) === tableNumber(leaf, entries);
    if (!isNeighbour) firsts.push(leaf);
    tableOf.push(firsts.length - 1);
  }
  const access = { write: false, user: false, exec: false };
  const answers = await view.translate(
    firsts.map(({ address }) => ({ linearAddress: address, access })),
    scope,
  );
  const found: LeafEntry[] = [];
  leaves.forEach((leaf, at) => {
    const index = tableOf[at] ?? 0;
    const step = answers[index]?.translation.steps.at(-1);
    const first = firsts[index];
    // A table that the snapshot shares with others may not be where a walk finds it any more.
    if (step?.leaf !== true || first === undefined) return;
    const distance = pageNumber(leaf) - pageNumber(first);
    found.push({ leaf, address: Number(step.address) + distance * step.sizeBytes, sizeBytes: step.sizeBytes });
  });
  return found;
}

function tableNumber(leaf: MappedLeaf, entries: number): number {
  return Math.floor(pageNumber(leaf) / entries);
}

/** Of pages of its size. */
function pageNumber({ address, sizeBytes }: MappedLeaf): number {
  return Number(BigInt.asUintN(57, address)) / sizeBytes;
}
