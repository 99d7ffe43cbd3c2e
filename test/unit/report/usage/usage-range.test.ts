import { expect } from 'chai';
import type { MappedLeaf } from '../../../../src/paging/index.ts';
import {
  collectUsage,
  encodeUsage,
  formatUsage,
  PLAIN,
  type ReportedUsage,
  totalUsage,
} from '../../../../src/report/index.ts';
import { usageLineSchema } from '../../../support/schemas/map-schema.ts';

function leaf(address: bigint, used: string, sizeBytes = 4096, write = true): MappedLeaf {
  const rights = { write, user: false, exec: false };
  const attributes = { rights, protectionKey: null, global: false, physicalAddress: address, sizeBytes };
  return { address, ...attributes, accessed: used.includes('A'), dirty: used.includes('D') };
}

function leaves(first: bigint, used: readonly string[]): MappedLeaf[] {
  return used.map((each, at) => leaf(first + BigInt(at) * 4096n, each));
}

const NONE: ReadonlySet<bigint> = new Set();

describe('what a guest has touched', () => {
  it('is a character for each page, and a range for pages of a kind', () => {
    const pages = [
      ...leaves(0x1000n, ['A', '-', 'AD']),
      leaf(0x4000n, 'A', 4096, false),
      leaf(0x20_0000n, 'A', 2 ** 21),
    ];
    const ranges = collectUsage(pages, NONE);
    expect(ranges.map(({ first, last, strip }) => [first, last, strip])).to.deep.equal([
      [0x1000n, 0x3fffn, 'A.W'],
      [0x4000n, 0x4fffn, 'A'],
      [0x20_0000n, 0x3f_ffffn, 'A'],
    ]);
    expect(totalUsage(ranges)).to.deep.equal({
      ...{ pages: 5, touched: 4, written: 1, dirtyBefore: 0 },
      ...{ sizeBytes: 0x20_4000n, touchedBytes: 0x20_3000n, writtenBytes: 0x1000n },
    });
  });

  it('is a character for as many pages where there are more than 64', () => {
    const used = Array.from({ length: 129 }, (_, at) => ['A', 'A', 'A', '-', '-', '-', 'AD', 'A', 'AD'][at] ?? '-');
    const [range] = collectUsage(leaves(0n, used), NONE);
    expect(range?.strip).to.equal(`A.w${'.'.repeat(40)}`);
    expect(range).to.deep.include({ pages: 129, touched: 6, written: 2 });
  });

  it('was not written for certain where it was dirty before', () => {
    const [range] = collectUsage(leaves(0n, ['AD', 'D']), new Set([0n, 0x1000n]));
    expect(range).to.deep.include({ strip: 'A.', written: 0, dirtyBefore: 2 });
  });

  it('is said as text and as JSON, and whether it is all', () => {
    const usage: ReportedUsage = {
      ...{ round: 1, ms: 100, cpu: 0, mode: '4-level', space: { cr3: 0x1000n, given: false }, exact: false },
      ranges: collectUsage(leaves(0x1000n, ['A', 'D']), new Set([0x2000n])),
    };
    expect(formatUsage(usage, PLAIN).split('\n')).to.deep.equal([
      '4-level paging, CR3 0x1000, vCPU 0',
      'round 1, 100 ms: at least 1 of 2 pages touched (4K of 8K), 0 written (0); 1 were dirty before',
      'linear addresses                         size  rights  touched; . none, a some, A all, w some written, W all written',
      '0x0000000000001000-0x0000000000002fff      8K  rw--    1 of 2  A.',
      '',
    ]);
    const lines = encodeUsage(usage)
      .split('\n')
      .map((line) => usageLineSchema.parse(JSON.parse(line)));
    expect(lines.map(({ kind, touched }) => [kind, touched])).to.deep.equal([
      ['round', 1],
      ['range', 1],
    ]);
  });
});
