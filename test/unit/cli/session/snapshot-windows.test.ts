import { expect } from 'chai';
import { leafWindows, rangeWindows } from '../../../../src/cli/session/snapshot-windows.ts';
import type { LinearRange, TableSnapshot } from '../../../../src/guest/index.ts';

const LAST = 0xffff_ffff_ffff_ffffn;

/** A snapshot of pages (or ranges of one page) side by side, and what it was asked for. */
function snapshotOf(pages: readonly bigint[], sizeBytes: number, complete = true) {
  const asked: LinearRange[] = [];
  const enumerate = (make: (page: bigint) => object) => (emit: (item: object) => boolean, range: LinearRange) => {
    asked.push(range);
    const { first = 0n, last = LAST } = range;
    const size = BigInt(sizeBytes);
    for (const page of pages) {
      if (page + size - 1n >= first && page <= last && !emit(make(page))) return { complete: false };
    }
    return { complete };
  };
  const snapshot = {
    leaves: enumerate((address) => ({ address, sizeBytes })),
    ranges: enumerate((first) => ({ first, last: first + BigInt(sizeBytes) - 1n })),
  } as unknown as TableSnapshot;
  return { snapshot, asked };
}

/** All windows, and what the generator ended with. */
function drain<T>(windows: Generator<readonly T[], boolean>) {
  const sizes: number[] = [];
  const items: T[] = [];
  for (;;) {
    const { done, value } = windows.next();
    if (done === true) return { sizes, items, complete: value };
    sizes.push(value.length);
    items.push(...value);
  }
}

const pagesFrom = (first: bigint, count: number, size = 0x1000n) =>
  Array.from({ length: count }, (_, at) => first + BigInt(at) * size);

describe('cli, windows of a snapshot', () => {
  it('has each page once, some hundred at a time', () => {
    const pages = pagesFrom(0x20_0000n, 600);
    const { snapshot, asked } = snapshotOf(pages, 0x1000);
    const { sizes, items, complete } = drain(leafWindows(snapshot, {}));
    expect(items.map(({ address }) => address)).to.deep.equal(pages);
    expect({ sizes, complete }).to.deep.equal({ sizes: [256, 256, 88], complete: true });
    expect(asked).to.deep.equal([
      { first: 0n, last: LAST },
      { first: 0x30_0000n, last: LAST },
      { first: 0x40_0000n, last: LAST },
    ]);
  });

  it('goes on behind a page of any size', () => {
    const pages = pagesFrom(0n, 300, 0x20_0000n);
    const { snapshot, asked } = snapshotOf(pages, 0x20_0000);
    const range = { first: 0x20_0000n, last: 0x2000_0000n + 5n };
    const { items } = drain(leafWindows(snapshot, range));
    expect(items.map(({ address }) => address)).to.deep.equal(pages.slice(1, 257));
    expect(asked).to.deep.equal([range, { first: 0x2020_0000n, last: range.last }].slice(0, asked.length));
    expect(asked[0]).to.deep.equal(range);
  });

  it('has thousands of ranges at a time', () => {
    const { snapshot } = snapshotOf(pagesFrom(0n, 5000), 0x1000);
    const { sizes, items, complete } = drain(rangeWindows(snapshot, {}));
    expect({ sizes, complete }).to.deep.equal({ sizes: [4096, 904], complete: true });
    expect(new Set(items.map(({ first }) => first)).size).to.equal(5000);
  });

  it('ends where the address space does, and says whether all was there', () => {
    const top = pagesFrom(LAST - 0xf_ffffn, 256);
    expect(drain(leafWindows(snapshotOf(top, 0x1000).snapshot, {}))).to.include({ complete: true });
    expect(drain(leafWindows(snapshotOf(pagesFrom(0n, 3), 0x1000, false).snapshot, {}))).to.include({
      complete: false,
    });
    expect(drain(leafWindows(snapshotOf([], 0x1000).snapshot, {}))).to.deep.equal({
      ...{ sizes: [], items: [], complete: true },
    });
  });
});
