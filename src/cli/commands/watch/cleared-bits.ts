import type { MappedLeaf } from '../../../paging/index.ts';
import type { LeafEntry } from './entry-addresses.ts';
import { entriesOf } from './entry-addresses.ts';
import type { WatchedMoment } from './watched-place.ts';

const PAGE_BYTES = 4096;
/** SDM table 4-20: bits 5 and 6 of every entry that maps a page, in all formats. */
const ACCESSED = 1 << 5;
const DIRTY = 1 << 6;
const USAGE = ACCESSED | DIRTY;

/** An entry as it was before anything was done to it. */
interface Original {
  /** The page that it maps. */
  readonly page: bigint;
  readonly low: number;
  readonly high: number;
}

type Change = (low: number, high: number, entry: LeafEntry) => number;

/**
 * Accessed and dirty bits that are cleared, and put back in the end: those that were set at first, in entries that are otherwise
 * what they were, and are still reached by a walk. A page that is marked once too often costs its guest nothing.
 *
 * @internal
 */
export class ClearedBits {
  readonly #clearsDirty: boolean;
  readonly #mask: number;
  readonly #originals = new Map<number, Original>();

  constructor(clearsDirty: boolean) {
    this.#clearsDirty = clearsDirty;
    this.#mask = clearsDirty ? USAGE : ACCESSED;
  }

  /** Nothing is to be put back. */
  get isEmpty(): boolean {
    return this.#originals.size === 0;
  }

  /** The pages whose bits are to be put back, by their linear addresses. */
  get pages(): ReadonlySet<bigint> {
    return new Set(Array.from(this.#originals.values(), ({ page }) => page));
  }

  /** Clears the bits of all pages, in a pause. */
  async clear(moment: WatchedMoment): Promise<void> {
    const leaves = moment.leaves.filter(({ accessed, dirty }) => accessed || (this.#clearsDirty && dirty));
    await rewrite(moment, leaves, (low, high, { address, leaf }) => {
      if ((low & this.#mask) === 0) return low;
      // Noted before it is done.
      if (!this.#originals.has(address)) this.#originals.set(address, { page: leaf.address, low, high });
      return low & ~this.#mask;
    });
  }

  /** Sets again, in a pause, what was set before. */
  async putBack(moment: WatchedMoment): Promise<void> {
    const leaves = moment.leaves.filter(({ accessed, dirty }) => !accessed || (this.#clearsDirty && !dirty));
    await rewrite(moment, leaves, (low, high, { address }) => {
      const original = this.#originals.get(address);
      if (original === undefined || original.high !== high || ((original.low ^ low) & ~USAGE) !== 0) return low;
      return low | (original.low & this.#mask);
    });
    this.#originals.clear();
  }
}

/** Changes the low bytes of entries: each table in one piece, which is read again. */
async function rewrite(moment: WatchedMoment, leaves: readonly MappedLeaf[], change: Change): Promise<void> {
  const { view, snapshot, scope } = moment;
  const tables = new Map(snapshot.tables);
  const byTable = new Map<number, LeafEntry[]>();
  for (const entry of await entriesOf(moment, leaves)) {
    const page = Math.floor(entry.address / PAGE_BYTES);
    const known = byTable.get(page);
    if (known === undefined) byTable.set(page, [entry]);
    else known.push(entry);
  }
  const writes: Promise<void>[] = [];
  for (const [page, entries] of byTable) {
    const words = tables.get(page);
    if (words === undefined) continue;
    const bytes = Uint8Array.from(new Uint8Array(words.buffer, words.byteOffset, PAGE_BYTES));
    let [from, to] = [PAGE_BYTES, 0];
    for (const entry of entries) {
      const { address, sizeBytes } = entry;
      const at = address % PAGE_BYTES;
      const low = words[at / 4] ?? 0;
      const high = sizeBytes === 8 ? (words[at / 4 + 1] ?? 0) : 0;
      const wanted = change(low, high, entry);
      if (wanted === low) continue;
      bytes[at] = wanted & 0xff;
      from = Math.min(from, at);
      to = Math.max(to, at + 1);
    }
    if (from < to)
      writes.push(view.writePhysical(BigInt(page * PAGE_BYTES + from), bytes.subarray(from, to), scope.cpu));
  }
  // What comes next finds none under way, also after a failure.
  const done = await Promise.allSettled(writes);
  const failed = done.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
