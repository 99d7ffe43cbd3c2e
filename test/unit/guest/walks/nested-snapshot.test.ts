import { expect } from 'chai';
import { loadTables } from '../../../../src/guest/memory/load-tables.ts';
import { PageCache } from '../../../../src/guest/memory/page-cache.ts';
import { TableSnapshot } from '../../../../src/guest/table-snapshot.ts';
import { notInUse, sourced } from '../../../../src/guest/vcpu/sourced.ts';
import type { VcpuState } from '../../../../src/guest/vcpu/vcpu-state.ts';
import type { MappedLeaf } from '../../../../src/paging/index.ts';
import { guestEntry, nestedEntry, openNpt, twoStageLinear } from '../../../support/builders/hand-made-stages.ts';
import { HAND_MADE_HOST, nestedSpace, nestedVcpuStateWith } from '../../../support/builders/nested-space.ts';
import { hex } from '../../../support/judge/describe-translation.ts';

type Entries = Readonly<Record<string, bigint>>;

const NOT_PAGED = { cr0: sourced(0x11n, 'gdb-stub', 'register cr0') } as const;
const LINEAR_PAGE = twoStageLinear & ~0xfffn;

interface Taken {
  readonly snapshot: TableSnapshot;
  readonly flights: readonly (readonly string[])[];
  readonly progress: readonly string[];
}

/** The tables of `hand-made-stages`, in a cache for so many pages. */
async function take(state: VcpuState = nestedVcpuStateWith(), changes: Entries = {}, maxPages = 64): Promise<Taken> {
  const { space, memory } = nestedSpace(state, { ...openNpt, ...changes });
  const { context, map } = space;
  const nested = space.nested?.context ?? null;
  const cache = new PageCache(memory, map, maxPages);
  const progress: string[] = [];
  const isWhole = await loadTables(context, nested, cache, {}, (done, known) => progress.push(`${done} of ${known}`));
  const snapshot = new TableSnapshot({ state, context, nested, map, cache, isWhole, assumed: [] });
  return { snapshot, flights: memory.flights, progress };
}

function leavesOf(snapshot: TableSnapshot): readonly string[] {
  const leaves: string[] = [];
  const show = ({ address, physicalAddress }: MappedLeaf): string => `${hex(address)} ${hex(physicalAddress)}`;
  const { complete } = snapshot.leaves((leaf) => leaves.push(show(leaf)) > 0);
  return complete ? leaves : [...leaves, 'incomplete'];
}

describe('a snapshot as data', () => {
  it('is the same as no other, and has a form for JSON', async () => {
    const [one, other] = [(await take()).snapshot, (await take()).snapshot];
    expect(one).to.deep.equal(one);
    expect(one).not.to.deep.equal(other);
    expect(JSON.parse(JSON.stringify(one))).to.deep.include({ mode: '4-level', isWhole: true, tablePages: 8 });
    expect(JSON.parse(JSON.stringify(one)).state.cr3).to.include({ value: '0x1000' });
  });
});

describe('a snapshot of a nested guest (L2)', () => {
  it('has the tables of both stages, in as many flights as they have levels', async () => {
    const { snapshot, flights, progress } = await take();
    expect(leavesOf(snapshot)).to.deep.equal([`${hex(LINEAR_PAGE)} 0x25000`]);
    // The second stage's four, then the guest's: the page itself is none.
    expect(snapshot.tablePages).to.equal(8);
    expect(flights).to.have.lengthOf(8);
    expect(progress.at(-1)).to.equal('8 of 8');
    expect(snapshot.survey()).to.deep.equal({
      tables: 4,
      reservedEntries: 0,
      unbackedTables: 0,
      complete: true,
    });
  });

  it('has, with the guest mode execute trap, pages of supervisors that they may not execute', async () => {
    const rightsOf = async (guestModeExecuteTrap: boolean, nestedLeaf: bigint, leaf = 0x5067n) => {
      const registers = { ...HAND_MADE_HOST, guestModeExecuteTrap };
      const entries = { [nestedEntry.ofData]: nestedLeaf, [guestEntry.pte]: leaf };
      const { snapshot } = await take(nestedVcpuStateWith({}, registers), entries);
      const found: object[] = [];
      snapshot.leaves(({ rights }) => found.push({ ...rights }) > 0);
      return found;
    };
    const all = { write: true, user: true, exec: true };
    expect(await rightsOf(true, 0x2_5007n), 'users may execute it').to.deep.equal([all]);
    expect(await rightsOf(true, 0x2_5003n), 'U/S=0 refuses no access').to.deep.equal([all]);
    expect(await rightsOf(true, 0x2_5001n)).to.deep.equal([{ ...all, write: false }]);
    const supervisors = { ...all, user: false };
    expect(await rightsOf(true, 0x2_5007n, 0x5063n)).to.deep.equal([{ ...supervisors, exec: false }]);
    expect(await rightsOf(true, 0x2_5003n, 0x5063n)).to.deep.equal([supervisors]);
    expect(await rightsOf(false, 0x2_5007n, 0x5063n)).to.deep.equal([supervisors]);
    expect(await rightsOf(false, 0x2_5003n), 'no access').to.deep.equal([]);
  });

  it('is not whole where there are more tables than are kept', async () => {
    for (const maxPages of [2, 6]) {
      const { snapshot } = await take(nestedVcpuStateWith(), {}, maxPages);
      expect(snapshot.isWhole).to.equal(false);
      expect(leavesOf(snapshot)).to.deep.equal(['incomplete']);
    }
  });

  it('has tables that the second stage refuses for such as are not there', async () => {
    for (const entry of [0n, 0x2_3005n, 0x2_3003n]) {
      const { snapshot } = await take(nestedVcpuStateWith(), { [nestedEntry.ofPd]: entry });
      expect(leavesOf(snapshot)).to.deep.equal([]);
      expect(snapshot.survey().unbackedTables).to.equal(1);
    }
  });

  it('names what lies where pages lead in the end', async () => {
    const { snapshot } = await take(nestedVcpuStateWith(), { [nestedEntry.ofData]: 0x70_0007n });
    const regions: string[] = [];
    snapshot.ranges((range) => regions.push(...snapshot.regionsOf(range).map(({ kind }) => kind)) > 0);
    expect(regions).to.deep.equal(['none']);
    expect((await take()).snapshot.nested?.kind).to.equal('npt');
  });

  it('knows whether either stage pages', async () => {
    const legacy = { ...HAND_MADE_HOST, cr0: 0x11n };
    expect((await take()).snapshot.isPaged).to.equal(true);
    expect((await take(nestedVcpuStateWith(NOT_PAGED))).snapshot.isPaged).to.equal(true);
    expect((await take(nestedVcpuStateWith(NOT_PAGED, legacy))).snapshot.isPaged).to.equal(false);
    const alone = nestedVcpuStateWith({ ...NOT_PAGED, nested: notInUse(null, { code: 'svm-off' }) });
    expect((await take(alone)).snapshot.isPaged).to.equal(false);
  });

  it('finds changes in either stage', async () => {
    const page = Number(LINEAR_PAGE >> 12n);
    const { snapshot: before } = await take();
    const changesAfter = async (changes: Entries) =>
      (await take(nestedVcpuStateWith(), changes)).snapshot.changesSince(before);
    expect(await changesAfter({})).to.deep.equal([]);
    expect(await changesAfter({ [nestedEntry.ofData]: 0x2_6007n })).to.deep.equal([
      { firstPage: page, lastPage: page },
    ]);
    expect(await changesAfter({ '0x24c48': 0x5005n })).to.deep.equal([{ firstPage: page, lastPage: page }]);
  });

  it('is another altogether than one of the hypervisor itself', async () => {
    const { snapshot: inside } = await take();
    const { snapshot: outside } = await take(
      nestedVcpuStateWith({ nested: sourced(null, 'device-state', 'no guest runs') }),
    );
    const everything = [{ firstPage: 0, lastPage: 2 ** 36 - 1 }];
    expect(outside.changesSince(inside)).to.deep.equal(everything);
    expect(inside.changesSince(outside)).to.deep.equal(everything);
    expect(outside.changesSince(outside)).to.deep.equal([]);
  });
});
