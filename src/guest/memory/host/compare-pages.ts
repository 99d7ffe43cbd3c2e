import type { MemoryCause } from '../../causes/memory-cause.ts';
import type { PhysicalMemory } from '../physical-memory.ts';
import type { HostMemory } from './host-memory.ts';

const PAGE_BYTES = 4096;
const ZERO = Buffer.alloc(PAGE_BYTES);

/** What came of comparing pages: `zero` where nothing differs and nothing is proven. @internal */
export type Comparison = { readonly kind: 'same' | 'zero' } | { readonly kind: 'differs'; readonly cause: MemoryCause };

/** Compares pages that this host shows with what a trusted way shows. @internal */
export type ComparePages = (
  pages: readonly number[],
  found: HostMemory,
  trusted: PhysicalMemory,
) => Promise<Comparison>;

/** For a paused guest, whose memory does not change. Pages that are all zero prove nothing. @internal */
export const comparePaused: ComparePages = async (pages, found, trusted) => {
  const [expected, seen] = await Promise.all([
    trusted.read(pages.map((address) => ({ address, lengthBytes: PAGE_BYTES }))),
    readPages(found, pages),
  ]);
  return judge(pages, (_, at) => isEqual(expected[at], seen[at]), expected);
};

/**
 * For a guest that runs: the trusted look comes between two looks at what was found, and a page that changed between these says
 * nothing.
 *
 * @internal
 */
export const compareRunning: ComparePages = async (pages, found, trusted) => {
  const before = await readPages(found, pages);
  const expected = await trusted.read(pages.map((address) => ({ address, lengthBytes: PAGE_BYTES })));
  const after = await readPages(found, pages);
  const isSteady = (at: number): boolean => isEqual(before[at], after[at]);
  const steady = pages.filter((_, at) => isSteady(at));
  const seen = expected.filter((_, at) => isSteady(at));
  return judge(steady, (page, at) => isEqual(seen[at], after[pages.indexOf(page)]), seen);
};

function judge(
  pages: readonly number[],
  isSame: (page: number, at: number) => boolean,
  expected: readonly Uint8Array[],
): Comparison {
  const differing = pages.find((page, at) => !isSame(page, at));
  if (differing !== undefined) {
    return { kind: 'differs', cause: { code: 'differs', page: BigInt(differing) } };
  }
  return { kind: expected.some((bytes) => !isZero(bytes)) ? 'same' : 'zero' };
}

/** @internal */
export async function readPages(memory: HostMemory, pages: readonly number[]): Promise<readonly Uint8Array[]> {
  const targets = pages.map(() => new Uint8Array(PAGE_BYTES));
  await memory.read(
    pages.map((address) => ({ address, lengthBytes: PAGE_BYTES })),
    targets,
  );
  return targets;
}

/** @internal */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.length === ZERO.length ? ZERO.equals(bytes) : bytes.every((byte) => byte === 0);
}

function isEqual(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one !== undefined && other !== undefined && Buffer.compare(one, other) === 0;
}
