import { expect } from 'chai';
import {
  type Alias,
  changedRanges,
  createContext,
  type EnumerateOptions,
  type EnumerateResult,
  enumerateLeaves,
  enumerateRanges,
  findAliases,
  type MappedLeaf,
  type MappedRange,
  type PagingContext,
  type RangeOptions,
} from '../../../../src/paging/index.ts';
import { TableBuilder } from '../../../support/builders/table-builder.ts';
import { pageSourceOf } from '../../../support/fakes/page-source.ts';
import { type MachineChanges, machineIn } from '../../../support/reference/reference-machine.ts';

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const MIB_2 = 0x20_0000;
const LOWER_END = 0x7fff_ffff_f000n;
const UPPER_START = 0xffff_8000_0000_0000n;

function contextFor(builder: TableBuilder, changes: MachineChanges = {}): PagingContext {
  const { registers, processor } = machineIn(builder.mode, { cr3: builder.root, ...changes });
  return createContext(registers, processor);
}

interface Enumerated<T> {
  readonly found: readonly T[];
  readonly result: EnumerateResult;
}

function rangesOf(
  builder: TableBuilder,
  options: RangeOptions = {},
  changes?: MachineChanges,
): Enumerated<MappedRange> {
  const found: MappedRange[] = [];
  const context = contextFor(builder, changes);
  const result = enumerateRanges(context, pageSourceOf(builder.memory), (range) => found.push(range) > 0, options);
  return { found, result };
}

function leavesOf(builder: TableBuilder, options: EnumerateOptions = {}): Enumerated<MappedLeaf> {
  const found: MappedLeaf[] = [];
  const pageOf = pageSourceOf(builder.memory);
  const result = enumerateLeaves(contextFor(builder), pageOf, (leaf) => found.push(leaf) > 0, options);
  return { found, result };
}

function aliasesOf(builder: TableBuilder, first: bigint, last: bigint, changes?: MachineChanges): Enumerated<Alias> {
  const found: Alias[] = [];
  const context = contextFor(builder, changes);
  const result = findAliases(context, pageSourceOf(builder.memory), { first, last }, (alias) => found.push(alias) > 0);
  return { found, result };
}

const spanOf = ({ first, last }: { readonly first: bigint; readonly last: bigint }): string =>
  `${hex(first)}-${hex(last)}`;

/** All 512 entries of the tables of three levels lead to the one table of the next: `last` is what the last one has. */
function everywhereTheSame(last: (pt: bigint, builder: TableBuilder) => void): TableBuilder {
  const builder = new TableBuilder('4-level');
  const tables = [builder.root, builder.allocateTable(), builder.allocateTable(), builder.allocateTable()];
  tables.slice(0, -1).forEach((table, depth) => {
    for (let index = 0n; index < 512n; index += 1n) builder.poke(table + index * 8n, (tables[depth + 1] ?? 0n) | 7n);
  });
  last(tables[3] ?? 0n, builder);
  return builder;
}

describe('paging/enumerateRanges', () => {
  it('does not carry a range over the hole between the halves', () => {
    const builder = new TableBuilder('4-level');
    builder.map(LOWER_END, 0x10_0000n);
    builder.map(UPPER_START, 0x10_1000n);
    expect(rangesOf(builder).found.map(spanOf)).to.deep.equal([
      '0x7ffffffff000-0x7fffffffffff',
      '0xffff800000000000-0xffff800000000fff',
    ]);
    expect(aliasesOf(builder, 0x10_0000n, 0x10_1fffn).found.map(spanOf)).to.deep.equal([
      '0x7ffffffff000-0x7fffffffffff',
      '0xffff800000000000-0xffff800000000fff',
    ]);
  });

  it('goes on over 0x80000000 where there are no halves', () => {
    const builder = new TableBuilder('32-bit');
    builder.map(0x7fff_f000n, 0x10_0000n);
    builder.map(0x8000_0000n, 0x10_1000n);
    expect(rangesOf(builder).found.map(spanOf)).to.deep.equal(['0x7ffff000-0x80000fff']);
  });

  it('goes through tables that are shared by all once: 2^36 pages, a page of zeros 2^36 times', () => {
    const builder = everywhereTheSame((pt, { memory }) => {
      for (let index = 0n; index < 512n; index += 1n) memory.poke(pt + index * 8n, 8, 0x9027n);
    });
    const { found, result } = rangesOf(builder, { classify: (first) => 1 << (first - 9) });
    expect(result).to.include({ tables: 4, complete: true });
    expect(found.map(spanOf)).to.deep.equal(['0x0-0x7fffffffffff', '0xffff800000000000-0xffffffffffffffff']);
    for (const range of found) {
      expect(range).to.deep.include({
        rights: { write: true, user: true, exec: true },
        protectionKey: 0,
        global: false,
        leaves: { 4096: 2 ** 35 },
        leafCount: 2 ** 35,
        accessed: 2 ** 35,
        dirty: 0,
        physicalFirst: 0x9000n,
        contiguous: false,
        physicalPieces: 2 ** 35,
        physicalLowest: 0x9000n,
        physicalHighest: 0x9fffn,
        classes: 1,
      });
    }
  });

  it('has rights that ranges share, and that no reader of one changes for the others', () => {
    const builder = new TableBuilder('4-level');
    builder.map(0x1000n, 0x1000n);
    builder.map(0x8000n, 0x1000n);
    const [one, other] = rangesOf(builder).found;
    expect(one?.rights).to.deep.equal(other?.rights);
    expect(Object.isFrozen(one?.rights)).to.equal(true);
  });

  it('goes through an empty table that is shared by all once', () => {
    const builder = everywhereTheSame(() => {});
    expect(rangesOf(builder)).to.deep.equal({
      found: [],
      result: { tables: 4, reservedEntries: 0, unbackedTables: 0, complete: true },
    });
    expect(leavesOf(builder).result).to.include({ tables: 4, complete: true });
  });

  it('stops in tables that lead to ever more ranges, and says so', () => {
    const builder = everywhereTheSame((pt, { memory }) => memory.poke(pt, 8, 0x9007n));
    expect(rangesOf(builder, { maxTables: 1000 }).result).to.include({ tables: 1000, complete: false });
  });

  it('says what lies at all pieces of a range, and of no other', () => {
    const builder = new TableBuilder('4-level');
    // The first range goes on from one table into the next, and ends in the middle of it.
    builder.map(0x1f_f000n, 0x1000_0000n);
    builder.map(0x20_0000n, 0x3000_0000n);
    builder.map(0x20_1000n, 0x2000_0000n);
    builder.map(0x20_2000n, 0x4000_0000n, { levels: { 1: { write: false } } });
    const { found } = rangesOf(builder, { classify: (first) => 1 << (first >> 16) });
    expect(found.map(({ classes, physicalPieces }) => [classes.toString(2), physicalPieces])).to.deep.equal([
      ['1110', 3],
      ['10000', 1],
    ]);
    expect(
      found.map(({ physicalFirst, physicalLowest, physicalHighest }) =>
        [physicalFirst, physicalLowest, physicalHighest].map(hex),
      ),
    ).to.deep.equal([
      ['0x10000000', '0x10000000', '0x30000fff'],
      ['0x40000000', '0x40000000', '0x40000fff'],
    ]);
  });

  it('takes a full table for what it adds to a range that was there before', () => {
    const builder = new TableBuilder('4-level');
    for (let page = 0n; page < 1024n; page += 1n) {
      const levels = { 1: { accessed: page >= 512n, dirty: page >= 1000n } };
      builder.map(page << 12n, 0x1000_0000n + (page << 12n), { levels });
    }
    // The second table once more, after a gap.
    const second = builder.peek(builder.entryAddress(0x20_0000n, 2));
    builder.poke(builder.entryAddress(0x20_0000n, 2) + 16n, second);
    const { found, result } = rangesOf(builder, { classify: (first) => 1 << ((first >> 9) & 1) });
    expect(result.tables).to.equal(5);
    expect(
      found.map((range) => [
        spanOf(range),
        range.leaves,
        range.accessed,
        range.dirty,
        range.physicalPieces,
        range.classes,
      ]),
    ).to.deep.equal([
      ['0x0-0x3fffff', { 4096: 1024 }, 512, 24, 1, 3],
      ['0x600000-0x7fffff', { 4096: 512 }, 512, 24, 1, 2],
    ]);
    expect(found.map(({ physicalFirst, physicalHighest }) => [physicalFirst, physicalHighest].map(hex))).to.deep.equal([
      ['0x10000000', '0x103fffff'],
      ['0x10200000', '0x103fffff'],
    ]);
  });

  it('knows what lay before a full table that it has seen', () => {
    const builder = new TableBuilder('4-level');
    for (let page = 0n; page < 512n; page += 1n) builder.map(page << 12n, 0x2000_0000n + (page << 12n));
    builder.map(0x7f_e000n, 0x1000_0000n);
    builder.map(0x7f_f000n, 0x4000_0000n);
    // Here a page that has no table of its own goes on in it, in physical memory as well.
    builder.map(0xc0_0000n, 0x1fe0_0000n, { size: MIB_2 });
    for (const again of [0x80_0000n, 0xe0_0000n]) {
      builder.poke(builder.entryAddress(again, 2), builder.peek(builder.entryAddress(0n, 2)));
    }
    const { found } = rangesOf(builder, { classify: (first) => 1 << (first >> 16) });
    const shown = found.map(({ physicalPieces, physicalLowest, physicalHighest, classes, ...range }) => [
      spanOf(range),
      physicalPieces,
      ...[physicalLowest, physicalHighest].map(hex),
      classes.toString(2),
    ]);
    expect(shown).to.deep.equal([
      ['0x0-0x1fffff', 1, '0x20000000', '0x201fffff', '100'],
      ['0x7fe000-0x9fffff', 3, '0x10000000', '0x40000fff', '10110'],
      ['0xc00000-0xffffff', 1, '0x1fe00000', '0x201fffff', '110'],
    ]);
  });

  it('takes no table for full whose first page alone goes on with what was before', () => {
    const builder = new TableBuilder('4-level');
    builder.map(0x1f_f000n, 0x1000_0000n);
    builder.map(0x20_0000n, 0x1000_1000n);
    for (let page = 1n; page < 512n; page += 1n) {
      builder.map(0x20_0000n + (page << 12n), 0x2000_0000n + (page << 12n), { levels: { 1: { write: false } } });
    }
    // The second table once more, after a gap.
    const second = builder.entryAddress(0x20_0000n, 2);
    builder.poke(second + 16n, builder.peek(second));
    expect(rangesOf(builder).found.map((range) => [spanOf(range), range.rights.write])).to.deep.equal([
      ['0x1ff000-0x200fff', true],
      ['0x201000-0x3fffff', false],
      ['0x600000-0x600fff', true],
      ['0x601000-0x7fffff', false],
    ]);
  });

  it('counts the pages of each size, also where a range has several', () => {
    const builder = new TableBuilder('4-level');
    builder.map(0x1f_e000n, 0x1f_e000n);
    builder.map(0x1f_f000n, 0x1f_f000n);
    builder.map(0x20_0000n, 0x20_0000n, { size: MIB_2 });
    const [range, ...others] = rangesOf(builder).found;
    expect(others).to.deep.equal([]);
    expect(range).to.deep.include({ leaves: { 4096: 2, [MIB_2]: 1 }, leafCount: 3, physicalPieces: 1 });
  });

  it('emits nothing more once it was told to end, and can go on from there', () => {
    const builder = new TableBuilder('4-level');
    for (const page of [0n, 2n, 4n, 6n]) builder.map(page * 0x1000n, 0x10_0000n);
    const context = contextFor(builder);
    const found: string[] = [];
    const emit = (range: MappedRange): boolean => found.push(spanOf(range)) < 2;
    const result = enumerateRanges(context, pageSourceOf(builder.memory), emit);
    expect({ found, complete: result.complete }).to.deep.equal({
      found: ['0x0-0xfff', '0x2000-0x2fff'],
      complete: false,
    });
    expect(rangesOf(builder, { firstPage: 3 }).found.map(spanOf)).to.deep.equal(['0x4000-0x4fff', '0x6000-0x6fff']);
  });

  it('folds large pages, tables and the root while A20 is masked', () => {
    const builder = new TableBuilder('4-level', 0x1000n);
    builder.map(0x4000_0000n, 0x40_0000n, { size: MIB_2 });
    builder.map(0x8000_0000n, 0x10_5000n);
    builder.edit(0x8000_0000n, 2, { set: 0x10_0000n });
    const changes = { a20: false, cr3: builder.root | 0x10_0000n };
    const { found, result } = rangesOf(builder, {}, changes);
    expect(result).to.include({ unbackedTables: 0, complete: true });
    expect(
      found.map((range) => [
        spanOf(range),
        range.physicalPieces,
        hex(range.physicalLowest),
        hex(range.physicalHighest),
      ]),
    ).to.deep.equal([
      ['0x40000000-0x401fffff', 2, '0x400000', '0x4fffff'],
      ['0x80000000-0x80000fff', 1, '0x5000', '0x5fff'],
    ]);
    expect(aliasesOf(builder, 0x41_2345n, 0x41_2345n, changes).found.map(spanOf)).to.deep.equal([
      '0x40012345-0x40012345',
      '0x40112345-0x40112345',
    ]);
    expect(aliasesOf(builder, 0x51_2345n, 0x51_2345n, changes).found).to.deep.equal([]);
  });

  it('finds nothing where paging is off, and no table where there is no memory', () => {
    const builder = new TableBuilder('4-level');
    const off = createContext({ cr0: 0x11n, cr3: 0n, cr4: 0n, efer: 0n }, { maxPhyAddr: 40 });
    expect(
      enumerateRanges(
        off,
        () => null,
        () => true,
      ),
    ).to.deep.equal({
      tables: 0,
      reservedEntries: 0,
      unbackedTables: 0,
      complete: true,
    });
    expect(rangesOf(builder, {}, { cr3: 0x7000_0000n }).result).to.include({ tables: 0, unbackedTables: 1 });
  });

  it('counts entries with reserved bits, and tables that are not in memory', () => {
    const builder = new TableBuilder('4-level');
    builder.map(0n, 0x9000n);
    builder.map(0x1000n, 0x1_0000_0000_0000n);
    builder.map(0x20_0000n, 0x9000n);
    builder.edit(0x20_0000n, 2, { clear: 0xf_f000n, set: 0x7000_0000n });
    expect(rangesOf(builder).result).to.include({ reservedEntries: 1, unbackedTables: 1, complete: true });
  });
});

describe('paging/findAliases', () => {
  it('joins pages that follow one another in both address spaces, and clips to the byte', () => {
    const builder = new TableBuilder('4-level');
    builder.map(0x1000n, 0x9000n, { levels: { 1: { accessed: true, dirty: true } } });
    builder.map(0x2000n, 0xa000n, { levels: { 1: { accessed: true } } });
    builder.map(0x3000n, 0xb000n, { levels: { 1: { write: false } } });
    builder.map(0x4000_0000n, 0n, { size: MIB_2 });
    expect(aliasesOf(builder, 0x9000n, 0x9ffen).found.map(spanOf)).to.deep.equal(
      aliasesOf(builder, 0x9000n, 0x9fffn).found.map(({ first, last }) => spanOf({ first, last: last - 1n })),
    );
    const { found, result } = aliasesOf(builder, 0x9123n, 0xb003n);
    expect(result.complete).to.equal(true);
    const attributes = { protectionKey: 0, global: false };
    const all = { write: true, user: true, exec: true };
    expect(found).to.deep.equal([
      {
        first: 0x1123n,
        last: 0x2fffn,
        physicalFirst: 0x9123n,
        pageSizeBytes: 4096,
        leaves: 2,
        accessed: 2,
        dirty: 1,
        rights: all,
        ...attributes,
      },
      {
        first: 0x3000n,
        last: 0x3003n,
        physicalFirst: 0xb000n,
        pageSizeBytes: 4096,
        leaves: 1,
        accessed: 0,
        dirty: 0,
        rights: { ...all, write: false },
        ...attributes,
      },
      {
        first: 0x4000_9123n,
        last: 0x4000_b003n,
        physicalFirst: 0x9123n,
        pageSizeBytes: MIB_2,
        leaves: 1,
        accessed: 0,
        dirty: 0,
        rights: all,
        ...attributes,
      },
    ]);
  });

  it('goes once through a table without a hit, however often it is shared', () => {
    const builder = everywhereTheSame((pt, { memory }) => memory.poke(pt, 8, 0x9007n));
    expect(aliasesOf(builder, 0xa000n, 0xafffn)).to.deep.include({ found: [] });
    expect(aliasesOf(builder, 0xa000n, 0xafffn).result).to.include({ tables: 4, complete: true });
  });

  it('ends when it is told to', () => {
    const builder = everywhereTheSame((pt, { memory }) => memory.poke(pt, 8, 0x9007n));
    let count = 0;
    const emit = (): boolean => {
      count += 1;
      return count < 2;
    };
    const pageOf = pageSourceOf(builder.memory);
    const result = findAliases(contextFor(builder), pageOf, { first: 0x9000n, last: 0x9000n }, emit);
    expect({ count, complete: result.complete }).to.deep.equal({ count: 2, complete: false });
  });
});

describe('paging/changedRanges', () => {
  function differ(
    change: (builder: TableBuilder) => void,
    options: { maxTables?: number; after?: MachineChanges } = {},
  ): string[] {
    const builder = new TableBuilder('4-level');
    builder.map(0x1000n, 0x9000n);
    builder.map(0x20_0000n, 0xa000n);
    builder.map(0x40_0000n, 0x40_0000n, { size: MIB_2 });
    builder.map(0x8000_0000n, 0xb000n);
    const before = { context: contextFor(builder), pageOf: pageSourceOf(builder.memory) };
    change(builder);
    const after = { context: contextFor(builder, options.after), pageOf: pageSourceOf(builder.memory) };
    return changedRanges(before, after, options.maxTables).map(({ firstPage, lastPage }) => `${firstPage}-${lastPage}`);
  }

  const cases: readonly [string, (builder: TableBuilder) => void, readonly string[]][] = [
    ['nothing', () => {}, []],
    ['a leaf that became dirty', (builder) => builder.edit(0x1000n, 1, { set: 0x60n }), ['1-1']],
    ['neighbours', (builder) => [0x2000n, 0x3000n].map((page) => builder.map(page, 0x9000n)), ['2-3']],
    ['a new table', (builder) => builder.map(0x60_0000n, 0x9000n), ['1536-2047']],
    [
      'a large page that became a table',
      (builder) => builder.edit(0x40_0000n, 2, { clear: 0x40_0080n, set: 0x1000n }),
      ['1024-1535'],
    ],
    ['rights above', (builder) => builder.edit(0x1000n, 2, { clear: 2n }), ['0-511']],
    ['execution above', (builder) => builder.edit(0x1000n, 3, { set: 1n << 63n }), ['0-262143']],
    ['an accessed bit above, which is nothing', (builder) => builder.edit(0x1000n, 2, { set: 0x20n }), []],
    ['an absent entry with other bits, which is nothing', (builder) => builder.edit(0x5000n, 1, { set: 0xff00n }), []],
    [
      'a table that went out of memory',
      (builder) => builder.edit(0x20_0000n, 2, { clear: 0xf000n, set: 0x7000_0000n }),
      ['512-1023'],
    ],
  ];
  for (const [name, change, expected] of cases) {
    it(`finds ${name}`, () => {
      expect(differ(change)).to.deep.equal(expected);
    });
  }

  it('takes all for changed where entries say something else than before', () => {
    const all = [`0-${2 ** 36 - 1}`];
    expect(differ(() => {}, { after: { nxe: false } })).to.deep.equal(all);
    expect(differ(() => {}, { after: { maxPhyAddr: 41 } })).to.deep.equal(all);
    expect(differ(() => {}, { after: { a20: false } })).to.deep.equal(all);
  });

  it('takes what it did not get to for changed', () => {
    expect(differ(() => {}, { maxTables: 2 })).to.deep.equal(['0-262143', '524288-786431']);
  });

  it('finds nothing where paging is off, and all where the mode has changed', () => {
    const off = createContext({ cr0: 0x11n, cr3: 0n, cr4: 0n, efer: 0n }, { maxPhyAddr: 40 });
    const builder = new TableBuilder('4-level');
    const pageOf = pageSourceOf(builder.memory);
    expect(changedRanges({ context: off, pageOf }, { context: off, pageOf })).to.deep.equal([]);
    expect(changedRanges({ context: off, pageOf }, { context: contextFor(builder), pageOf })).to.have.lengthOf(1);
  });

  it('is small work on tables that are shared by all', () => {
    const builder = everywhereTheSame((pt, { memory }) => memory.poke(pt, 8, 0x9007n));
    const before = { context: contextFor(builder), pageOf: pageSourceOf(builder.memory) };
    expect(changedRanges(before, before, 4)).to.deep.equal([]);
  });
});
