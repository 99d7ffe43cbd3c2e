import type { MemoryMap } from './memory-map.ts';
import type { MemoryPiece, PhysicalMemory } from './physical-memory.ts';

const PAGE_BYTES = 4096;
/** 128 MiB of tables; beyond it the oldest pages go. */
const DEFAULT_MAX_PAGES = 32_768;

/**
 * Pages of guest memory, each read at most once while the guest stands still. It must be thrown away when the guest runs.
 *
 * @internal
 */
export class PageCache {
  readonly #memory: PhysicalMemory;
  readonly #map: MemoryMap;
  readonly #maxPages: number;
  readonly #pages = new Map<number, Int32Array | null>();
  readonly #partial = new Set<number>();
  #flights = 0;

  constructor(memory: PhysicalMemory, map: MemoryMap, maxPages = DEFAULT_MAX_PAGES) {
    this.#memory = memory;
    this.#map = map;
    this.#maxPages = maxPages;
  }

  /** How often pages were fetched; each time any number of them. */
  get flights(): number {
    return this.#flights;
  }

  /** How many pages are kept that lie in memory. */
  get pageCount(): number {
    return [...this.#pages.values()].filter((words) => words !== null).length;
  }

  /** The 1024 words of a page; null where none of it may be read; undefined when it was not fetched yet. */
  words(page: number): Int32Array | null | undefined {
    return this.#pages.get(page);
  }

  /** Whether an entry of a fetched page lies in memory: a page may be memory in part. */
  holds(page: number, address: number, length: number): boolean {
    return this.#partial.size === 0 || !this.#partial.has(page) || this.#map.isReadable(address, length);
  }

  /** Fetches pages in one flight. A page that lies outside RAM and ROM is not read; of one that does in part, that part is not. */
  async load(pages: Iterable<number>): Promise<void> {
    const wanted = [...pages].filter((page) => !this.#pages.has(page));
    const pieces: MemoryPiece[] = [];
    const owners: Int32Array[] = [];
    for (const page of wanted) {
      const parts = this.#readableParts(page);
      const words = parts.length === 0 ? null : new Int32Array(PAGE_BYTES / 4);
      this.#keep(page, words);
      for (const part of parts) {
        pieces.push(part);
        if (words) owners.push(words);
      }
    }
    if (pieces.length === 0) return;
    this.#flights += 1;
    const bytes = await this.#memory.read(pieces);
    pieces.forEach(({ address }, at) => {
      const words = owners[at];
      const part = bytes[at];
      if (words && part) new Uint8Array(words.buffer).set(part, address % PAGE_BYTES);
    });
  }

  /** Follows a write to guest memory. */
  writeThrough(address: number, byte: number): void {
    const words = this.#pages.get(Math.floor(address / PAGE_BYTES));
    if (words) new Uint8Array(words.buffer)[address % PAGE_BYTES] = byte;
  }

  #readableParts(page: number): MemoryPiece[] {
    const first = page * PAGE_BYTES;
    if (this.#map.isReadable(first, PAGE_BYTES)) return [{ address: first, length: PAGE_BYTES }];
    this.#partial.add(page);
    return this.#map.readableParts(first, PAGE_BYTES);
  }

  #keep(page: number, words: Int32Array | null): void {
    this.#pages.set(page, words);
    if (this.#pages.size <= this.#maxPages) return;
    const [oldest] = this.#pages.keys();
    if (oldest !== undefined) this.#pages.delete(oldest);
  }
}
