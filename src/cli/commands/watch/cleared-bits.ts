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

  /**
   * Sets again, in a pause, what was set before, in the entries that are reached there. What was to be put back in them is settled
   * then; where these are all entries that there are, everything is.
   */
  async putBack(moment: WatchedMoment): Promise<void> {
    const reached: number[] = [];
    await rewrite(moment, moment.leaves, (low, high, { address }) => {
      const original = this.#originals.get(address);
      if (original === undefined || original.high !== high || ((original.low ^ low) & ~USAGE) !== 0) return low;
      reached.push(address);
      return low | (original.low & this.#mask);
    });
    if (moment.lack === undefined) this.#originals.clear();
    else for (const address of reached) this.#originals.delete(address);
  }
}

/** A piece of a table. */
interface Piece {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** What the stub takes in one packet. */
const PIECE_BYTES = 1024;

/**
 * Changes the low bytes of entries, a piece of a table at a time, which is read again. One after the other: of several packets that are
 * under way when another client resumes the guest the stub swallows the first, and with the others writes entries as they were.
 */
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
  for (const [page, entries] of byTable) {
    const words = tables.get(page);
    if (words === undefined) continue;
    for (const { address, bytes } of piecesOf(page, words, entries, change))
      await view.writePhysical(BigInt(address), bytes, scope.cpu);
  }
}

/** From the first byte that changes to the last, in pieces. */
function piecesOf(page: number, words: Int32Array, entries: readonly LeafEntry[], change: Change): readonly Piece[] {
  const bytes = Uint8Array.from(new Uint8Array(words.buffer, words.byteOffset, PAGE_BYTES));
  const changed: number[] = [];
  for (const entry of entries) {
    const { address, sizeBytes } = entry;
    const at = address % PAGE_BYTES;
    const low = words[at / 4] ?? 0;
    const high = sizeBytes === 8 ? (words[at / 4 + 1] ?? 0) : 0;
    const wanted = change(low, high, entry);
    if (wanted === low) continue;
    bytes[at] = wanted & 0xff;
    changed.push(at);
  }
  const pieces: Piece[] = [];
  changed.sort((one, other) => one - other);
  for (let first = 0; first < changed.length; ) {
    const from = changed[first] ?? 0;
    let last = first;
    while ((changed[last + 1] ?? Number.POSITIVE_INFINITY) < from + PIECE_BYTES) last += 1;
    pieces.push({ address: page * PAGE_BYTES + from, bytes: bytes.slice(from, (changed[last] ?? from) + 1) });
    first = last + 1;
  }
  return pieces;
}
