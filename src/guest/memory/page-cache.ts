import { formatHex } from '../../paging/index.ts';
import { GuestUsageError } from '../errors.ts';
import type { MemoryMap } from './memory-map.ts';
import type { MemoryPiece, PhysicalMemory } from './physical-memory.ts';

const PAGE_BYTES = 4096;
/** 384 MiB of tables; beyond it the oldest pages go. */
const DEFAULT_MAX_PAGES = 98_304;

/**
 * Pages of guest memory, each read at most once while the guest is paused. It must be thrown away when the guest runs.
 *
 * @internal
 */
export class PageCache {
  readonly #memory: PhysicalMemory;
  readonly #map: MemoryMap;
  readonly #maxPages: number;
  readonly #pages = new Map<number, Int32Array | null>();
  readonly #partial = new Set<number>();
  #hasPartial = false;
  #flights = 0;
  #hasForgotten = false;

  constructor(memory: PhysicalMemory, map: MemoryMap, maxPages = DEFAULT_MAX_PAGES) {
    this.#memory = memory;
    this.#map = map;
    this.#maxPages = maxPages;
  }

  /** How often pages were fetched; each time any number of them. */
  get flights(): number {
    return this.#flights;
  }

  /** How many pages are kept, those outside of memory too. */
  get size(): number {
    return this.#pages.size;
  }

  /** How many more may be kept before the oldest go. */
  get room(): number {
    return this.#maxPages - this.#pages.size;
  }

  /** Whether there were more pages than are kept. */
  get hasForgotten(): boolean {
    return this.#hasForgotten;
  }

  /** How many pages are kept that lie in memory. */
  get pageCount(): number {
    return [...this.#pages.values()].filter((words) => words !== null).length;
  }

  /** The pages that lie in memory, with their words, in ascending order. */
  get pages(): readonly (readonly [page: number, words: Int32Array])[] {
    const held = [...this.#pages].flatMap(([page, words]) => (words === null ? [] : [[page, words] as const]));
    return held.sort(([one], [other]) => one - other);
  }

  /** Names of the ROM that pages which are kept lie in: mostly RAM that a chipset's PAM registers show as ROM. */
  get romNames(): readonly string[] {
    const names = new Set<string>();
    for (const [page, words] of this.#pages) {
      const region = words === null ? null : this.#map.regionAt(BigInt(page * PAGE_BYTES));
      if (region?.kind === 'rom') names.add(region.name);
    }
    return [...names];
  }

  /** The 1024 words of a page; null where none of it may be read; undefined when it was not fetched yet. */
  words(page: number): Int32Array | null | undefined {
    return this.#pages.get(page);
  }

  /** Whether an entry of a fetched page lies in memory: a page may be memory in part. */
  holds(address: number, lengthBytes: number): boolean {
    if (!this.#hasPartial || !this.#partial.has(Math.floor(address / PAGE_BYTES))) return true;
    return this.#map.isReadable(address, lengthBytes);
  }

  /** Fetches pages in one flight. A page that lies outside RAM and ROM is not read; of one that does in part, that part is not. */
  async load(pages: Iterable<number>): Promise<void> {
    // In ascending order, so that neighbours in memory are neighbours here, and are read as one.
    const wanted = [...pages].filter((page) => !this.#pages.has(page)).sort((one, other) => one - other);
    const pieces: MemoryPiece[] = [];
    const targets: Uint8Array[] = [];
    // One piece of memory for all: pages that were fetched together are used together.
    const arena = new ArrayBuffer(wanted.length * PAGE_BYTES);
    const loaded = wanted.map((page, at) => {
      const parts = this.#readableParts(page);
      const start = at * PAGE_BYTES;
      for (const part of parts) {
        pieces.push(part);
        targets.push(new Uint8Array(arena, start + (part.address % PAGE_BYTES), part.lengthBytes));
      }
      return parts.length === 0 ? null : new Int32Array(arena, start, PAGE_BYTES / 4);
    });
    if (pieces.length > 0) await this.#read(pieces, targets);
    // Not before: another question that is under way would take what is not there yet for zeros.
    wanted.forEach((page, at) => {
      this.#keep(page, loaded[at] ?? null);
    });
  }

  async #read(pieces: readonly MemoryPiece[], targets: readonly Uint8Array[]): Promise<void> {
    this.#flights += 1;
    const bytes = await this.#memory.read(pieces, targets);
    targets.forEach((target, at) => {
      const part = bytes[at];
      if (part && part !== target) target.set(part);
    });
  }

  /** Follows a write to guest memory. */
  writeThrough(address: number, byte: number): void {
    const words = this.#pages.get(Math.floor(address / PAGE_BYTES));
    if (words) new Uint8Array(words.buffer, words.byteOffset)[address % PAGE_BYTES] = byte;
  }

  #readableParts(page: number): MemoryPiece[] {
    const first = page * PAGE_BYTES;
    if (this.#map.isReadable(first, PAGE_BYTES)) return [{ address: first, lengthBytes: PAGE_BYTES }];
    this.#partial.add(page);
    this.#hasPartial = true;
    return this.#map.readableParts(first, PAGE_BYTES);
  }

  #keep(page: number, words: Int32Array | null): void {
    this.#pages.set(page, words);
    if (this.#pages.size <= this.#maxPages) return;
    this.#hasForgotten = true;
    const [oldest] = this.#pages.keys();
    if (oldest !== undefined) this.#pages.delete(oldest);
  }
}

/** Nothing but the pages that a cache has, as memory: they stay what they were when the guest runs on. @internal */
export function memoryOf(cache: PageCache): PhysicalMemory {
  return {
    read: async (pieces, targets) =>
      pieces.map(({ address, lengthBytes }, at) => {
        const page = Math.floor(address / PAGE_BYTES);
        const words = cache.words(page);
        if (!words) {
          throw new GuestUsageError(
            `the page of tables at ${formatHex(page * PAGE_BYTES)} was not kept: ask only for what was named to keep()`,
          );
        }
        const start = address - page * PAGE_BYTES;
        const bytes = new Uint8Array(words.buffer, words.byteOffset + start, lengthBytes);
        const target = targets?.[at] ?? new Uint8Array(lengthBytes);
        target.set(bytes);
        return target;
      }),
  };
}
