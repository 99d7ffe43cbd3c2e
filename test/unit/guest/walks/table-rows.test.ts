import { expect } from 'chai';
import { answerRequests } from '../../../../src/guest/answers/answer-requests.ts';
import type { GuestTranslation } from '../../../../src/guest/answers/guest-translation.ts';
import { notInUse, sourced } from '../../../../src/guest/vcpu/sourced.ts';
import type { VcpuState } from '../../../../src/guest/vcpu/vcpu-state.ts';
import { type TranslationRow, TranslationTable } from '../../../../src/guest/walks/translation-table.ts';
import { walkEach } from '../../../../src/guest/walks/walk-each.ts';
import type { Access } from '../../../../src/paging/index.ts';
import { guestEntry, nestedEntry, openNpt, twoStageLinear } from '../../../support/builders/hand-made-stages.ts';
import { nestedSpace, nestedVcpuStateWith } from '../../../support/builders/nested-space.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';

const READ: Access = { write: false, user: false, exec: false };
const ACCESSES: readonly Access[] = [
  READ,
  { ...READ, write: true },
  { ...READ, user: true },
  { ...READ, exec: true },
  { write: true, user: true, exec: false },
];

type Entries = Readonly<Record<string, bigint>>;

/** The row of a table that says the same. */
function rowOf({ translation, nested }: GuestTranslation): TranslationRow {
  const none = { l1PhysicalAddress: null, refusedPageAddress: null, assumed: [], deviates: null };
  if (translation.kind === 'mapped') {
    const { physicalAddress, pageSizeBytes, rights } = translation;
    const l1PhysicalAddress = nested?.translation.kind === 'mapped' ? nested.translation.l1PhysicalAddress : null;
    const leads = { cause: null, physicalAddress, pageSizeBytes, rights, l1PhysicalAddress };
    return { ...none, ...leads, errorCode: null, responsibleAddress: null };
  }
  const both = nested?.translation;
  const isRefused = both?.kind === 'nested-fault' && both.purpose === 'final';
  return {
    ...none,
    ...{ cause: translation.cause, physicalAddress: null, pageSizeBytes: null, rights: null },
    errorCode: translation.errorCode,
    responsibleAddress: translation.responsible?.address ?? null,
    refusedPageAddress: isRefused ? both.l2PhysicalAddress : null,
  };
}

async function rowsOf(
  state: VcpuState,
  entries: Entries,
  addresses: readonly bigint[],
): Promise<{ readonly rows: readonly TranslationRow[]; readonly expected: readonly TranslationRow[] }> {
  const rows: TranslationRow[] = [];
  const expected: TranslationRow[] = [];
  for (const access of ACCESSES) {
    const { space } = nestedSpace(state, entries);
    const nested = space.nested?.context ?? null;
    const table = new TranslationTable(addresses.length, space.context, nested !== null);
    await walkEach(
      { context: space.context, nested },
      BigUint64Array.from(addresses),
      access,
      await space.cache(),
      table,
    );
    rows.push(...table.toJSON());
    const requests = addresses.map((linearAddress) => ({ linearAddress, access }));
    expected.push(...(await answerRequests(requests, nestedSpace(state, entries).space)).map(rowOf));
  }
  return { rows, expected };
}

describe('the rows of a table say what translations say', () => {
  const causesOf = (rows: readonly TranslationRow[]): readonly string[] =>
    [...new Set(rows.map(({ cause }) => cause ?? 'mapped'))].sort();

  it('of pages of every size, and of each way to fail, in 4-level paging', async () => {
    const entries = {
      '0x1000': 0x2007n,
      '0x1008': 0x4_0000_0007n, // a PDPT in no memory
      '0x2000': 0x3007n,
      '0x2008': 0x87n, // 1 GB
      '0x3000': 0x4007n,
      '0x3008': 0x8000_0000_0020_0087n, // 2 MB, not to be executed
      '0x4000': 0x5007n,
      '0x4008': 0x6005n,
      '0x4010': 0x7003n,
      '0x4018': 0x8000_0000_0000_8007n,
      '0x4020': 0x8_0000_0000_5007n, // reserved
    };
    const addresses = [
      ...[0x1n, 0x1002n, 0x2003n, 0x3004n, 0x4005n, 0x5006n],
      ...[0x20_1234n, 0x4000_1234n, 0x80_0000_0000n, 1n << 50n, 0xffff_8000_0000_0000n],
    ];
    const { rows, expected } = await rowsOf(vcpuStateWith(), entries, addresses);
    expect(rows).to.deep.equal(expected);
    expect(causesOf(rows)).to.deep.equal([
      ...['mapped', 'non-canonical', 'not-present', 'privilege-violation', 'reserved-bits', 'unbacked-table'],
    ]);
    expect(new Set(rows.map(({ pageSizeBytes }) => pageSizeBytes))).to.deep.equal(
      new Set([4096, 2 ** 21, 2 ** 30, null]),
    );
  });

  it('of 32-bit paging, and without paging', async () => {
    const legacy = { efer: sourced(0n, 'gdb-stub', ''), cr4: sourced(0x10n, 'gdb-stub', '') } as const;
    const entries = { '0x1000': 0x87_0000_2007n, '0x2000': 0x5003_0000_4005n };
    const addresses = [1n, 0x1001n, 0x2001n, 0x40_1234n, 0x80_0000n, 0x1_0000_0000n];
    const paged = await rowsOf(vcpuStateWith(legacy), entries, addresses);
    expect(paged.rows).to.deep.equal(paged.expected);
    expect(causesOf(paged.rows)).to.include.members(['mapped', 'not-present', 'out-of-range', 'privilege-violation']);
    const off = await rowsOf(vcpuStateWith({ ...legacy, cr0: sourced(0x11n, 'gdb-stub', '') }), entries, addresses);
    expect(off.rows).to.deep.equal(off.expected);
    expect(off.rows[1]).to.deep.equal({
      ...{ cause: null, physicalAddress: 0x1001n, l1PhysicalAddress: null, pageSizeBytes: null },
      ...{ rights: { write: true, user: true, exec: true }, errorCode: null, responsibleAddress: null },
      ...{ refusedPageAddress: null, assumed: [], deviates: null },
    });
  });

  it('of a nested guest (L2), whichever stage refuses what', async () => {
    const endings: readonly Entries[] = [
      {},
      { [guestEntry.pte]: 0x5005n },
      { [guestEntry.pte]: 0n },
      { [guestEntry.pde]: 0x8_0000_0000_4027n },
      { [nestedEntry.ofData]: 0n },
      { [nestedEntry.ofData]: 0x2_5005n },
      { [nestedEntry.ofData]: 0x8_0000_0002_5007n },
      { [nestedEntry.ofPd]: 0n },
      { [nestedEntry.ofPml4]: 0n },
      { [nestedEntry.pml4e]: 0n },
      { [nestedEntry.ofPd]: 0x7f_0000_0007n },
      { [nestedEntry.pde]: 0x7f_0000_0007n },
    ];
    const seen: TranslationRow[] = [];
    for (const changes of endings) {
      const addresses = [twoStageLinear, twoStageLinear + 0x1000n, 1n << 50n];
      const { rows, expected } = await rowsOf(nestedVcpuStateWith(), { ...openNpt, ...changes }, addresses);
      expect(rows).to.deep.equal(expected);
      seen.push(...rows);
    }
    expect(causesOf(seen)).to.include.members(['mapped', 'not-present', 'unbacked-table', 'privilege-violation']);
    expect(seen.some(({ refusedPageAddress }) => refusedPageAddress === 0x5abcn)).to.equal(true);
    expect(seen.some(({ responsibleAddress }) => responsibleAddress === 0x3598n)).to.equal(true);
  });
});

describe('two tables', () => {
  async function tableOf(state: VcpuState, changes: Entries = {}, address = twoStageLinear): Promise<TranslationTable> {
    const { space } = nestedSpace(state, { ...openNpt, ...changes });
    const nested = space.nested?.context ?? null;
    const table = new TranslationTable(1, space.context, nested !== null);
    await walkEach({ context: space.context, nested }, BigUint64Array.of(address), READ, await space.cache(), table);
    return table;
  }
  const own = vcpuStateWith({ cr3: sourced(0x2_1000n, 'gdb-stub', 'register cr3') });
  const ownTables = {
    [guestEntry.pml4e]: 0x2_2007n,
    [guestEntry.pdpte]: 0x2_3007n,
    [guestEntry.pde]: 0x2_4007n,
    [guestEntry.pte]: 0x2_5007n,
  };
  const machine = { accelerator: 'kvm', qemuVersion: null } as const;

  it('say the same of an address where nothing that can be seen of it differs', async () => {
    const one = await tableOf(own, ownTables);
    const others: readonly (readonly [string, boolean, Entries])[] = [
      ['the same', true, {}],
      ['other rights', true, { [guestEntry.pte]: 0x2_5003n }],
      ['another page', false, { [guestEntry.pte]: 0x2_6007n }],
      ['no page', false, { [guestEntry.pte]: 0n }],
      ['no table', false, { [guestEntry.pde]: 0n }],
      ['a reserved bit', false, { [guestEntry.pte]: 0x8_0000_0002_5007n }],
    ];
    for (const [name, isSame, changes] of others) {
      const other = await tableOf(own, { ...ownTables, ...changes });
      expect(one.isSameAt(0, other), name).to.equal(isSame);
      expect(other.isSameAt(0, one), name).to.equal(isSame);
      one.compareWith(other, machine);
      expect([one.deviates(0), one.countDeviations(), one.at(0).deviates], name).to.deep.equal([
        !isSame,
        isSame ? 0 : 1,
        !isSame,
      ]);
      expect(one.machine).to.equal(machine);
    }
  });

  it('differ where a page leads elsewhere in L1, or another thing is refused', async () => {
    const nested = nestedVcpuStateWith();
    const through = await tableOf(nested);
    const refused = await tableOf(nested, { [nestedEntry.ofData]: 0n });
    const noTable = await tableOf(nested, { [nestedEntry.ofPd]: 0n });
    const elsewhere = await tableOf(nested, { [nestedEntry.ofData]: 0x2_6007n });
    const all = [through, refused, noTable, elsewhere];
    for (const [at, one] of all.entries()) {
      for (const [to, other] of all.entries()) {
        expect(one.isSameAt(0, other), `${at}, ${to}`).to.equal(at === to);
        one.compareWith(other, machine);
        expect(one.deviates(0), `${at}, ${to}`).to.equal(at !== to);
      }
    }
    const alone = await tableOf(nestedVcpuStateWith({ nested: notInUse(null, { code: 'svm-off' }) }), {
      ...{ '0x1120': 0x2027n, '0x2688': 0x3027n, '0x3598': 0x4027n, '0x4c48': 0x5067n },
    });
    expect(alone.physicalAddress(0)).to.equal(through.physicalAddress(0));
    expect([alone.isSameAt(0, through), through.isSameAt(0, alone)]).to.deep.equal([false, false]);
  });

  it('are not compared where a table is in no memory, but for what a second stage refuses', async () => {
    const through = await tableOf(own, ownTables);
    const lost = await tableOf(own, { ...ownTables, [guestEntry.pde]: 0x7f_0000_0007n });
    expect(lost.cause(0)).to.equal('unbacked-table');
    lost.compareWith(through, machine);
    expect([lost.deviates(0), lost.countDeviations()]).to.deep.equal([false, 0]);
    through.compareWith(lost, machine);
    expect([through.deviates(0), through.countDeviations()]).to.deep.equal([true, 1]);
  });

  it('compare nothing unless it was asked for', async () => {
    const table = await tableOf(own, ownTables);
    expect([table.deviates(0), table.countDeviations(), table.machine, table.at(0).deviates]).to.deep.equal([
      ...[null, 0, null, null],
    ]);
  });
});

describe('what a table rests on', () => {
  const cause = { code: 'no-qom-path' } as const;

  it('is said of each row by itself, and of all by whether it decides any', () => {
    const table = new TranslationTable(3, nestedSpace(vcpuStateWith(), {}).space.context);
    const [maxPhyAddr, rflags, cpl] = [
      { name: 'maxPhyAddr', value: 52, cause },
      { name: 'rflags', value: 2, cause },
      { name: 'cpl', value: 0, cause },
    ] as const;
    expect(table.assumed()).to.deep.equal([]);
    table.addAssumption(maxPhyAddr, Uint8Array.of(0, 0, 0));
    table.addAssumption(rflags, Uint8Array.of(0, 1, 0));
    table.addAssumption(cpl, Uint8Array.of(0, 0, 0));
    expect(table.assumed(), 'what hardly any answer rests on only where one does').to.deep.equal([
      { ...maxPhyAddr, decides: false },
      { ...rflags, decides: true },
    ]);
    expect(table.assumed(0)).to.deep.equal([{ ...maxPhyAddr, decides: false }]);
    expect(table.assumed(1)).to.deep.equal([
      { ...maxPhyAddr, decides: false },
      { ...rflags, decides: true },
    ]);
    expect(table.at(1).assumed).to.deep.equal(table.assumed(1));
    table.addAssumption(maxPhyAddr, Uint8Array.of(0, 0, 1));
    expect(table.assumed().at(-1)).to.deep.equal({ ...maxPhyAddr, decides: true });
    expect(table.assumed(2).map(({ decides }) => decides)).to.deep.equal([false, true]);
  });
});
