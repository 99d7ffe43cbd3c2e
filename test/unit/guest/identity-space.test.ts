import { expect } from 'chai';
import { IdentitySpace } from '../../../src/guest/identity-space.ts';
import { MemoryMap, type Region } from '../../../src/guest/index.ts';
import { RegionSet } from '../../../src/guest/memory/region-set.ts';
import type { Alias, MappedLeaf, MappedRange } from '../../../src/paging/index.ts';

const region = (kind: Region['kind'], name: string, first: bigint, last: bigint): Region => ({
  ...{ kind, name, first, last },
  offset: 0n,
});
const MAP = new MemoryMap([
  region('ram', 'low', 0n, 0x9_ffffn),
  region('ram', 'main', 0x10_0000n, 0x60_0fffn),
  region('device', 'hpet', 0xfed0_0000n, 0xfed0_03ffn),
  region('rom', 'bios', 0xfffc_0000n, 0xffff_ffffn),
  region('ram', 'high', 0x1_0000_0000n, 0x1_3fff_ffffn),
]);
const EVERYTHING = { write: true, user: true, exec: true };

function space(a20Masked = false): IdentitySpace {
  return new IdentitySpace(a20Masked, MAP, new RegionSet(MAP));
}

function rangesOf(of: IdentitySpace, range = {}): MappedRange[] {
  const ranges: MappedRange[] = [];
  const { complete } = of.ranges((each) => ranges.push({ ...each }) > 0, range);
  expect(complete).to.equal(true);
  return ranges;
}

function leavesOf(of: IdentitySpace, range = {}): MappedLeaf[] {
  const leaves: MappedLeaf[] = [];
  expect(of.leaves((each) => leaves.push({ ...each }) > 0, range).complete).to.equal(true);
  return leaves;
}

const shown = ({ address, sizeBytes, physicalAddress }: MappedLeaf) => [address, sizeBytes, physicalAddress] as const;

describe('guest/IdentitySpace', () => {
  it('has everything of a range, and the bit of what lies there', () => {
    const set = new RegionSet(MAP);
    const [, , hpet] = rangesOf(space(), { first: 0n, last: 0xffff_ffffn });
    expect(hpet).to.deep.equal({
      ...{ first: 0xfed0_0000n, last: 0xfed0_03ffn, rights: EVERYTHING, protectionKey: null, global: false },
      ...{ leaves: {}, leafCount: 0, accessed: 0, dirty: 0, physicalFirst: 0xfed0_0000n, contiguous: true },
      ...{ physicalPieces: 1, physicalLowest: 0xfed0_0000n, physicalHighest: 0xfed0_03ffn },
      classes: set.classOf({ kind: 'device', name: 'hpet' }),
    });
    expect(set.decode(hpet?.classes ?? 0)).to.deep.equal([{ kind: 'device', name: 'hpet' }]);
  });

  it('has a page once that two regions share, and the largest there are', () => {
    const shared = new MemoryMap([
      region('ram', 'one', 0n, 0x7ffn),
      region('rom', 'other', 0x800n, 0x17ffn),
      region('ram', 'large', 0x4000_0000n, 0xbfff_ffffn),
    ]);
    const leaves: MappedLeaf[] = [];
    const emit = (leaf: MappedLeaf): boolean => leaves.push({ ...leaf }) > 0;
    const result = new IdentitySpace(false, shared, new RegionSet(shared)).leaves(emit, {});
    expect(result).to.deep.equal({ tables: 0, reservedEntries: 0, unbackedTables: 0, complete: true });
    expect(leaves.map(shown)).to.deep.equal([
      [0n, 0x1000, 0n],
      [0x1000n, 0x1000, 0x1000n],
      [0x4000_0000n, 0x4000_0000, 0x4000_0000n],
      [0x8000_0000n, 0x4000_0000, 0x8000_0000n],
    ]);
    expect(leaves[2]).to.deep.equal({
      ...{ address: 0x4000_0000n, sizeBytes: 0x4000_0000, physicalAddress: 0x4000_0000n, rights: EVERYTHING },
      ...{ protectionKey: null, global: false, accessed: false, dirty: false },
    });
  });

  it('has a range of a single byte', () => {
    const ranges = rangesOf(space(), { first: 5n, last: 5n });
    expect(ranges.map((each) => [each.first, each.last, each.physicalFirst, each.physicalHighest])).to.deep.equal([
      [5n, 5n, 5n, 5n],
    ]);
  });

  it('has a large page whole where the range ends in its last page', () => {
    for (const last of [0x3f_f000n, 0x3f_f001n, 0x3f_fffen, 0x3f_ffffn]) {
      const range = { first: 0x20_0000n, last };
      expect(leavesOf(space(), range).map(shown), String(last)).to.deep.equal([[0x20_0000n, 0x20_0000, 0x20_0000n]]);
    }
    expect(leavesOf(space(), { first: 0x20_0000n, last: 0x3f_efffn })).to.have.length(0x1ff);
    expect(leavesOf(space(), { first: 0x5f_f000n, last: 0x60_0000n }).map(shown)).to.deep.equal([
      [0x5f_f000n, 0x1000, 0x5f_f000n],
      [0x60_0000n, 0x1000, 0x60_0000n],
    ]);
  });

  it('has no page that begins in the middle of one', () => {
    expect(leavesOf(space(), { first: 0x10_0800n, last: 0x10_17ffn }).map(shown)).to.deep.equal([
      [0x10_0000n, 0x1000, 0x10_0000n],
      [0x10_1000n, 0x1000, 0x10_1000n],
    ]);
    // 2 MB from 0x20_0000 on would begin where 0x20_0000 physical does not.
    const masked = leavesOf(space(true), { first: 0x20_0000n, last: 0x5f_ffffn }).map(shown);
    expect(masked).to.have.length(0x400);
    expect(
      masked.every(([address, size, physical]) => size === 0x1000 && physical === (address & ~0x10_0000n)),
    ).to.equal(true);
  });

  it('leads nowhere above 4 GiB, nor to what the range leaves out', () => {
    const found: Alias[] = [];
    const emit = (alias: Alias): boolean => found.push({ ...alias }) > 0;
    const result = space().aliases({ first: 0x1_0000_0000n, last: 0x1_0000_0fffn }, emit, {});
    expect(result).to.deep.equal({ tables: 0, reservedEntries: 0, unbackedTables: 0, complete: true });
    space().aliases({ first: 0x1000n, last: 0x1fffn }, emit, { first: 0x2000n });
    space().aliases({ first: 0x2000n, last: 0x2fffn }, emit, { first: 0n, last: 0x1fffn });
    space(true).aliases({ first: 0x10_0000n, last: 0x1f_ffffn }, emit, {});
    expect(found).to.deep.equal([]);
    space().aliases({ first: 0x1000n, last: 0x1fffn }, emit, { first: 0x1fffn, last: 0x2000n });
    expect(found.map(({ first, last, physicalFirst }) => [first, last, physicalFirst])).to.deep.equal([
      [0x1fffn, 0x1fffn, 0x1fffn],
    ]);
  });

  it('has a range for each region of the first 4 GiB, with everything allowed and no pages', () => {
    const ranges = rangesOf(space());
    expect(ranges.map(({ first, last, physicalFirst }) => [first, last, physicalFirst])).to.deep.equal([
      [0n, 0x9_ffffn, 0n],
      [0x10_0000n, 0x60_0fffn, 0x10_0000n],
      [0xfed0_0000n, 0xfed0_03ffn, 0xfed0_0000n],
      [0xfffc_0000n, 0xffff_ffffn, 0xfffc_0000n],
    ]);
    expect(ranges[1]).to.deep.include({
      ...{ rights: EVERYTHING, protectionKey: null, global: false, leaves: {}, leafCount: 0, accessed: 0, dirty: 0 },
      ...{ contiguous: true, physicalPieces: 1, physicalLowest: 0x10_0000n, physicalHighest: 0x60_0fffn },
    });
    expect(new Set(ranges.map(({ classes }) => classes)).size, 'a class for each region').to.equal(4);
  });

  it('has the parts of a range of addresses', () => {
    const ranges = rangesOf(space(), { first: 0x9_f000n, last: 0x10_0001n });
    expect(ranges.map(({ first, last }) => [first, last])).to.deep.equal([
      [0x9_f000n, 0x9_ffffn],
      [0x10_0000n, 0x10_0001n],
    ]);
    expect(rangesOf(space(), { first: 0xa_0000n, last: 0xf_ffffn })).to.deep.equal([]);
    expect(rangesOf(space(), { first: 0x1_0000_0000n })).to.deep.equal([]);
  });

  it('has the largest pages that fit, each whole', () => {
    const leaves = leavesOf(space(), { first: 0x10_0000n, last: 0x60_0fffn });
    const small = Array.from({ length: 0x100 }, (_, at) => [0x10_0000n + BigInt(at) * 0x1000n, 0x1000] as const);
    expect(leaves.map(({ address, sizeBytes }) => [address, sizeBytes])).to.deep.equal([
      ...small,
      [0x20_0000n, 0x20_0000],
      [0x40_0000n, 0x20_0000],
      [0x60_0000n, 0x1000],
    ]);
    for (const leaf of leaves) {
      expect(leaf).to.deep.include({ rights: EVERYTHING, protectionKey: null, global: false });
      expect(leaf).to.include({ accessed: false, dirty: false, physicalAddress: leaf.address });
    }
    const cut = leavesOf(space(), { first: 0x20_0000n, last: 0x3f_efffn });
    expect([cut.length, cut[0]?.sizeBytes], 'not beyond what was asked for').to.deep.equal([0x1ff, 0x1000]);
    expect(leavesOf(space(), { first: 0xfed0_0000n, last: 0xfed0_0fffn }).map(shown), 'a part of a page').to.deep.equal(
      [[0xfed0_0000n, 0x1000, 0xfed0_0000n]],
    );
  });

  it('folds each second megabyte onto the one before while the A20 gate masks', () => {
    const ranges = rangesOf(space(true), { first: 0n, last: 0x2f_ffffn });
    expect(ranges.map(({ first, last, physicalFirst }) => [first, last, physicalFirst])).to.deep.equal([
      [0n, 0x9_ffffn, 0n],
      [0x10_0000n, 0x19_ffffn, 0n],
      [0x20_0000n, 0x2f_ffffn, 0x20_0000n],
    ]);
    const leaves = leavesOf(space(true), { first: 0x30_0000n, last: 0x30_1fffn });
    expect(leaves.map(shown)).to.deep.equal([
      [0x30_0000n, 0x1000, 0x20_0000n],
      [0x30_1000n, 0x1000, 0x20_1000n],
    ]);
  });

  it('finds what leads to physical addresses, whether anything is there or not', () => {
    const aliasesOf = (a20Masked: boolean, first: bigint, last: bigint, range = {}) => {
      const aliases: Alias[] = [];
      space(a20Masked).aliases({ first, last }, (each) => aliases.push({ ...each }) > 0, range);
      return aliases.map((each) => [each.first, each.last, each.physicalFirst] as const);
    };
    expect(aliasesOf(false, 0xa_0000n, 0xa_0010n)).to.deep.equal([[0xa_0000n, 0xa_0010n, 0xa_0000n]]);
    expect(aliasesOf(false, 0xffff_fff0n, 0x1_0000_0010n)).to.deep.equal([[0xffff_fff0n, 0xffff_ffffn, 0xffff_fff0n]]);
    expect(aliasesOf(true, 0xf_fff0n, 0x20_000fn, { first: 0n, last: 0x3f_ffffn })).to.deep.equal([
      [0xf_fff0n, 0xf_ffffn, 0xf_fff0n],
      [0x1f_fff0n, 0x1f_ffffn, 0xf_fff0n],
      [0x20_0000n, 0x20_000fn, 0x20_0000n],
      [0x30_0000n, 0x30_000fn, 0x20_0000n],
    ]);
    const [alias] = (() => {
      const found: Alias[] = [];
      space().aliases({ first: 5n, last: 6n }, (each) => found.push({ ...each }) > 0, {});
      return found;
    })();
    expect(alias).to.deep.equal({
      ...{ first: 5n, last: 6n, physicalFirst: 5n, pageSizeBytes: null, rights: EVERYTHING },
      ...{ protectionKey: null, global: false, leaves: 0, accessed: 0, dirty: 0 },
    });
  });

  it('stops where it is told to, and is incomplete then', () => {
    for (const ask of [
      (emit: () => boolean) => space().ranges(emit, {}),
      (emit: () => boolean) => space().leaves(emit, {}),
      (emit: () => boolean) => space(true).aliases({ first: 0n, last: 0xffn }, emit, {}),
    ]) {
      let told = 0;
      const result = ask(() => {
        told += 1;
        return told < 2;
      });
      expect([told, result.complete]).to.deep.equal([2, false]);
      expect(result).to.include({ tables: 0, reservedEntries: 0, unbackedTables: 0 });
    }
  });
});
