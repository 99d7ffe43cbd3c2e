/**
 * Guest physical memory as this layer is fed it: whole pages, each fetched once, and whole flights of them. Who feeds it decides
 * where the pages come from, and keeps those that are neither RAM nor ROM out.
 *
 * @internal
 */
export interface PageFeed {
  /** The 1024 words of a page; null where no memory is; undefined when it was not fetched yet. */
  words(page: number): Int32Array | null | undefined;
  /** Fetches pages, in one flight. */
  load(pages: Iterable<number>): Promise<void>;
}
