import { expect } from 'chai';
import { GuestUsageError, MemoryMap } from '../../../src/guest/index.ts';
import { loadTables } from '../../../src/guest/memory/load-tables.ts';
import { PageCache } from '../../../src/guest/memory/page-cache.ts';
import { TableSnapshot } from '../../../src/guest/table-snapshot.ts';
import type { Assumption } from '../../../src/guest/vcpu/assumption.ts';
import { notInUse, sourced } from '../../../src/guest/vcpu/sourced.ts';
import { contextOf, nestedContextOf, type VcpuState } from '../../../src/guest/vcpu/vcpu-state.ts';
import type { Alias, MappedLeaf, MappedRange } from '../../../src/paging/index.ts';
import { openNpt, twoStageLinear } from '../../support/builders/hand-made-stages.ts';
import { HAND_MADE_HOST, nestedVcpuStateWith } from '../../support/builders/nested-space.ts';
import { FakeMemory } from '../../support/fakes/fake-memory.ts';
import { region } from '../../support/fakes/region.ts';
import { vcpuStateWith } from '../../support/fakes/sourced-state.ts';

/** Two tables of the last level, the second in ROM; pages at 0x0 and 0x1000 side by side in memory, one at 0x20_0000. */
const TABLES: Readonly<Record<string, bigint>> = {
  '0x1000': 0x2007n,
  '0x2000': 0x3007n,
  '0x3000': 0x4027n,
  '0x3008': 0x1_0027n,
  '0x3010': 0x8_0000_0000_0007n,
  '0x3018': 0x7f_0000_0007n,
  '0x4000': 0x5027n,
  '0x4008': 0x6067n,
  '0x10000': 0x5005n,
};
const REGIONS = [
  region('ram', 0n, 0xffffn),
  region('rom', 0x1_0000n, 0x1_0fffn, 'pc.bios'),
  region('ram', 0x1_1000n, 0x2_ffffn),
];
const NOT_PAGED = { cr0: sourced(0x11n, 'gdb-stub', 'register cr0') } as const;

async function take(state: VcpuState, entries = TABLES, regions = REGIONS, isWhole?: boolean): Promise<TableSnapshot> {
  const memory = new FakeMemory(0x3_0000);
  for (const [at, value] of Object.entries(entries)) memory.setEntry(Number(at), value);
  const map = new MemoryMap(regions);
  const cache = new PageCache(memory, map);
  const [context, nested] = [contextOf(state), nestedContextOf(state)];
  const loaded = await loadTables(context, nested, cache, {});
  const assumed: Assumption[] = [{ name: 'moment', value: null, cause: { code: 'ran-while-read' }, decides: false }];
  return new TableSnapshot({ state, context, nested, map, cache, isWhole: isWhole ?? loaded, assumed });
}

function aliasesOf(snapshot: TableSnapshot, first: bigint, last: bigint, range = {}): readonly string[] {
  const found: string[] = [];
  const emit = (alias: Alias): boolean => found.push(`${alias.first}-${alias.last} ${alias.physicalFirst}`) > 0;
  const { complete } = snapshot.aliases({ first, last }, emit, range);
  return complete ? found : [...found, 'incomplete'];
}

describe('a snapshot of one stage', () => {
  const state = vcpuStateWith({ cpu: 3 });

  it('has what it was made of', async () => {
    const snapshot = await take(state);
    expect([snapshot.state, snapshot.isWhole, snapshot.nested]).to.deep.equal([state, true, null]);
    expect(snapshot.context.root).to.equal(0x1000n);
    expect([snapshot.tablePages, snapshot.tablesInRom]).to.deep.equal([5, ['pc.bios']]);
    expect(snapshot.tables.map(([page, words]) => [page, words.length, words[0]])).to.deep.equal([
      [1, 1024, 0x2007],
      [2, 1024, 0x3007],
      [3, 1024, 0x4027],
      [4, 1024, 0x5027],
      [0x10, 1024, 0x5005],
    ]);
    expect(snapshot.assumed.map(({ name }) => name)).to.deep.equal(['moment']);
    expect([snapshot.isPaged, snapshot.isRootReadable]).to.deep.equal([true, true]);
    expect(JSON.parse(JSON.stringify(snapshot))).to.deep.include({
      ...{ cpu: 3, mode: '4-level', isPaged: true, isWhole: true, tablePages: 5 },
      assumed: [{ name: 'moment', value: null, cause: { code: 'ran-while-read' }, decides: false }],
    });
    expect(Object.keys(JSON.parse(JSON.stringify(snapshot)))).to.deep.equal([
      ...['cpu', 'mode', 'isPaged', 'isWhole', 'tablePages', 'assumed', 'state', 'memoryMap'],
    ]);
  });

  it('has its ranges, with what lies there', async () => {
    const snapshot = await take(state);
    const ranges: MappedRange[] = [];
    const { complete } = snapshot.ranges((range) => ranges.push({ ...range }) > 0);
    expect(complete).to.equal(true);
    expect(ranges.map(({ first, last, rights }) => [first, last, rights.write])).to.deep.equal([
      [0n, 0x1fffn, true],
      [0x20_0000n, 0x20_0fffn, false],
    ]);
    expect(ranges.map((range) => snapshot.regionsOf(range))).to.deep.equal([
      [{ kind: 'ram', name: 'pc.ram' }],
      [{ kind: 'ram', name: 'pc.ram' }],
    ]);
    expect(snapshot.classNames).to.deep.equal([
      { kind: 'ram', name: 'pc.ram' },
      { kind: 'rom', name: 'pc.bios' },
      { kind: 'none', name: '' },
    ]);
    const part: bigint[] = [];
    snapshot.ranges(({ first }) => part.push(first) > 0, { first: 0x1000n, last: 0x1fffn });
    expect(part).to.deep.equal([0x1000n]);
    expect(snapshot.ranges(() => false).complete).to.equal(false);
  });

  it('has its pages, and what leads to physical ones', async () => {
    const snapshot = await take(state);
    const leaves: MappedLeaf[] = [];
    expect(snapshot.leaves((leaf) => leaves.push({ ...leaf }) > 0).complete).to.equal(true);
    expect(
      leaves.map(({ address, physicalAddress, accessed, dirty }) => [address, physicalAddress, accessed, dirty]),
    ).to.deep.equal([
      [0n, 0x5000n, true, false],
      [0x1000n, 0x6000n, true, true],
      [0x20_0000n, 0x5000n, false, false],
    ]);
    const part: bigint[] = [];
    snapshot.leaves(({ address }) => part.push(address) > 0, { first: 0x1000n, last: 0x20_0000n });
    expect(part).to.deep.equal([0x1000n, 0x20_0000n]);
    expect(aliasesOf(snapshot, 0x5010n, 0x5020n)).to.deep.equal([
      `${0x10}-${0x20} ${0x5010}`,
      `${0x20_0010}-${0x20_0020} ${0x5010}`,
    ]);
    expect(aliasesOf(snapshot, 0x5010n, 0x5020n, { first: 0x1000n })).to.deep.equal([
      `${0x20_0010}-${0x20_0020} ${0x5010}`,
    ]);
  });

  it('counts its tables, each once, and what is wrong with entries', async () => {
    const snapshot = await take(state);
    expect(snapshot.survey()).to.deep.equal({ tables: 5, reservedEntries: 1, unbackedTables: 1, complete: true });
    expect(snapshot.survey({ first: 0n, last: 0x1f_ffffn })).to.deep.equal({
      ...{ tables: 4, reservedEntries: 0, unbackedTables: 0, complete: true },
    });
  });

  it('answers nothing completely where tables are missing', async () => {
    const snapshot = await take(state, TABLES, REGIONS, false);
    expect(snapshot.isWhole).to.equal(false);
    expect([
      snapshot.ranges(() => true).complete,
      snapshot.leaves(() => true).complete,
      snapshot.aliases({ first: 0n, last: 1n }, () => true).complete,
      snapshot.survey().complete,
    ]).to.deep.equal([false, false, false, false]);
  });

  it('knows whether its root can be read', async () => {
    expect((await take(vcpuStateWith({ cr3: sourced(0x7f_0000n, 'gdb-stub', '') }))).isRootReadable).to.equal(false);
    const empty = await take(state, {});
    expect([empty.isRootReadable, empty.tablePages]).to.deep.equal([true, 1]);
    expect((await take(vcpuStateWith(NOT_PAGED))).isRootReadable).to.equal(true);
  });

  it('has no L2 physical addresses', async () => {
    const snapshot = await take(state);
    expect(() => snapshot.l2Aliases({ first: 0n, last: 1n }, () => true)).to.throw(
      GuestUsageError,
      'vCPU 3 runs no nested guest (L2), so there are no L2 physical addresses: ' +
        'ask while it runs one, or name the second stage (--nested)',
    );
  });

  it('finds where a page may be another than before', async () => {
    const before = await take(state);
    const after = await take(state, { ...TABLES, '0x4008': 0x7067n });
    expect(after.changesSince(before)).to.deep.equal([{ firstPage: 1, lastPage: 1 }]);
    expect(before.changesSince(after)).to.deep.equal([{ firstPage: 1, lastPage: 1 }]);
    expect((await take(state)).changesSince(before)).to.deep.equal([]);
    // Another root altogether, whose tables say the same of what they share.
    const elsewhere = await take(vcpuStateWith({ cr3: sourced(0x9000n, 'gdb-stub', '') }), {
      ...TABLES,
      '0x9000': 0x2007n,
    });
    expect(elsewhere.changesSince(before)).to.deep.equal([]);
  });
});

describe('a snapshot without paging', () => {
  const off = vcpuStateWith(NOT_PAGED);

  it('has what lies in the first 4 GiB, and changes with nothing', async () => {
    const snapshot = await take(off);
    const ranges: string[] = [];
    snapshot.ranges(({ first, last }) => ranges.push(`${first} ${last}`) > 0);
    expect(ranges).to.deep.equal([`0 ${0xffff}`, `${0x1_0000} ${0x1_0fff}`, `${0x1_1000} ${0x2_ffff}`]);
    const leaves: bigint[] = [];
    snapshot.leaves(({ address }) => leaves.push(address) > 0, { first: 0xf000n, last: 0x1_0fffn });
    expect(leaves).to.deep.equal([0xf000n, 0x1_0000n]);
    expect(aliasesOf(snapshot, 0x10n, 0x20n)).to.deep.equal([`${0x10}-${0x20} ${0x10}`]);
    expect([snapshot.isPaged, snapshot.tablePages, snapshot.tables]).to.deep.equal([false, 0, []]);
    expect(snapshot.survey()).to.deep.equal({ tables: 0, reservedEntries: 0, unbackedTables: 0, complete: true });
    expect(snapshot.changesSince(await take(off))).to.deep.equal([]);
  });

  it('folds each second megabyte while the A20 gate masks', async () => {
    const masked = await take(vcpuStateWith({ ...NOT_PAGED, a20: sourced(false, 'monitor', 'info registers, A20') }));
    const range = { first: 0n, last: 0x1f_ffffn };
    expect(aliasesOf(masked, 0x10n, 0x20n, range)).to.deep.equal([
      `${0x10}-${0x20} ${0x10}`,
      `${0x10_0010}-${0x10_0020} ${0x10}`,
    ]);
    expect(aliasesOf(await take(off), 0x10n, 0x20n, range)).to.have.length(1);
  });
});

describe('a snapshot of two stages', () => {
  const regions = [region('ram', 0n, 0x2_ffffn)];
  const page = twoStageLinear & ~0xfffn;

  function l2AliasesOf(snapshot: TableSnapshot, first: bigint, last: bigint, range = {}): readonly string[] {
    const found: string[] = [];
    const emit = (alias: Alias): boolean => found.push(`${alias.first}-${alias.last} ${alias.physicalFirst}`) > 0;
    const { complete } = snapshot.l2Aliases({ first, last }, emit, range);
    return complete ? found : [...found, 'incomplete'];
  }

  it("finds addresses by where both stages lead, and by where the guest's own tables do", async () => {
    const snapshot = await take(nestedVcpuStateWith(), openNpt, regions);
    expect(aliasesOf(snapshot, 0x2_5010n, 0x2_5020n)).to.deep.equal([`${page + 0x10n}-${page + 0x20n} ${0x2_5010}`]);
    expect(aliasesOf(snapshot, 0x5010n, 0x5020n)).to.deep.equal([]);
    expect(l2AliasesOf(snapshot, 0x5010n, 0x5020n)).to.deep.equal([`${page + 0x10n}-${page + 0x20n} ${0x5010}`]);
    expect(l2AliasesOf(snapshot, 0x2_5010n, 0x2_5020n)).to.deep.equal([]);
    expect(l2AliasesOf(snapshot, 0x5010n, 0x5020n, { first: 0n, last: page - 1n })).to.deep.equal([]);
    expect(l2AliasesOf(await take(nestedVcpuStateWith(), openNpt, regions, false), 0x5010n, 0x5020n).at(-1)).to.equal(
      'incomplete',
    );
    expect(snapshot.survey({ first: 0n, last: 0xfffn }).tables).to.equal(1);
    expect([snapshot.isRootReadable, snapshot.isPaged]).to.deep.equal([true, true]);
  });

  it('has a guest without paging, whose addresses are its own physical ones', async () => {
    const snapshot = await take(nestedVcpuStateWith(NOT_PAGED), openNpt, regions);
    expect(l2AliasesOf(snapshot, 0x10n, 0x20n)).to.deep.equal([`${0x10}-${0x20} ${0x10}`]);
    expect(l2AliasesOf(snapshot, 0x10n, 0x20n, { first: 0x18n })).to.deep.equal([`${0x18}-${0x20} ${0x18}`]);
    // The gate masks what the guest sees, too.
    const a20 = sourced(false, 'monitor', 'info registers, A20');
    const masked = await take(nestedVcpuStateWith({ ...NOT_PAGED, a20 }), openNpt, regions);
    expect(l2AliasesOf(masked, 0x10n, 0x20n, { first: 0n, last: 0x1f_ffffn })).to.deep.equal([
      `${0x10}-${0x20} ${0x10}`,
      `${0x10_0010}-${0x10_0020} ${0x10}`,
    ]);
    expect(aliasesOf(snapshot, 0x2_5010n, 0x2_5020n), 'through the second stage').to.deep.equal([
      `${0x5010}-${0x5020} ${0x2_5010}`,
    ]);
  });

  it('is paged where either stage is', async () => {
    const legacy = { ...HAND_MADE_HOST, cr0: 0x11n };
    expect((await take(nestedVcpuStateWith({}, legacy), openNpt, regions)).isPaged).to.equal(true);
    expect((await take(nestedVcpuStateWith(NOT_PAGED, legacy), openNpt, regions)).isPaged).to.equal(false);
    const alone = nestedVcpuStateWith({ ...NOT_PAGED, nested: notInUse(null, { code: 'svm-off' }) });
    expect((await take(alone, openNpt, regions)).isPaged).to.equal(false);
  });
});
