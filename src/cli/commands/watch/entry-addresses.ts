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
export async function entriesOf({ view, scope, snapshot, leaves }: WatchedMoment): Promise<LeafEntry[]> {
  const entries = snapshot.context.mode === '32-bit' ? 1024n : 512n;
  const firsts: MappedLeaf[] = [];
  const tableOf: number[] = [];
  let table: bigint | undefined;
  for (const leaf of leaves) {
    const { address, sizeBytes } = leaf;
    // Pages of another size lie in a table of another level.
    const own = (address / (BigInt(sizeBytes) * entries)) * 2n ** 32n + BigInt(sizeBytes);
    if (own !== table) firsts.push(leaf);
    table = own;
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
    const distance = Number((leaf.address - first.address) / BigInt(leaf.sizeBytes));
    found.push({ leaf, address: Number(step.address) + distance * step.sizeBytes, sizeBytes: step.sizeBytes });
  });
  return found;
}
