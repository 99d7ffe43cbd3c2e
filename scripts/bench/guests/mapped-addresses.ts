import { Random } from './random.ts';
import { TlbListing } from './tlb-listing.ts';

/** The flags U and W of `info tlb`. */
const USER = 1 << 7;
const WRITABLE = 1 << 8;

/**
 * Random linear addresses that are mapped, among the pages that QEMU lists. Linux maps a few pages tens of thousands of times
 * (the stacks of its %esp fix-up); of each physical page only the first mapping counts, or those would be nearly all there is.
 *
 * @param text - the output of `info tlb`, as QMP gives it
 */
export function pickMappedAddresses(text: string, count: number): bigint[] {
  const listing = new TlbListing(text);
  const lines = linesOfDistinctPages(listing);
  const random = new Random(3);
  return Array.from(
    { length: count },
    () => listing.linear(lines[random.below(lines.length)] ?? 0) + BigInt(random.below(4096)),
  );
}

/** Linear addresses of pages that may be written, by the kernel alone and by users. @param text - as above */
export function pickWritableAddresses(text: string): { readonly kernel: bigint; readonly user: bigint } {
  const listing = new TlbListing(text);
  const first = (wanted: number): bigint =>
    listing.linear(listing.flags.findIndex((flags) => (flags & (WRITABLE | USER)) === wanted));
  return { kernel: first(WRITABLE), user: first(WRITABLE | USER) };
}

function linesOfDistinctPages(listing: TlbListing): readonly number[] {
  const lineOf = new Map<number, number>();
  listing.physical.forEach((page, line) => {
    if (!lineOf.has(page)) lineOf.set(page, line);
  });
  return [...lineOf.values()];
}
