import { expect } from 'chai';
import { GuestView } from '../../../../src/guest/guest-view.ts';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import { keptSource } from '../../../../src/guest/source/kept-source.ts';
import { NO_HIDDEN_REGISTERS } from '../../../../src/guest/vcpu/hidden-registers.ts';
import { assumed as assumedFor, type Sourced, sourced } from '../../../../src/guest/vcpu/sourced.ts';
import type { VcpuState } from '../../../../src/guest/vcpu/vcpu-state.ts';
import type { TranslationTable } from '../../../../src/guest/walks/translation-table.ts';
import { FakeMemory } from '../../../support/fakes/fake-memory.ts';
import { region } from '../../../support/fakes/region.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';

const RAM_BYTES = 0x10_000;
const READ = { write: false, user: true, exec: false };
const PKE = 1n << 22n;

/** Four tables from 0x1000 on; of the pages at 0x5000 one is plain, one has bit 39 set, one key 1, and one is absent. */
const TABLES: Readonly<Record<number, bigint>> = {
  4096: 0x2007n,
  8192: 0x3007n,
  12288: 0x4007n,
  16384: 0x5007n,
  16392: 0x80_0000_5007n,
  16400: 0x0800_0000_0000_5007n,
  16408: 0n,
};
const PLAIN = 0n;
const HIGH = 0x1000n;
const KEYED = 0x2000n;
const ABSENT = 0x3000n;
const NON_CANONICAL = 1n << 50n;
const ADDRESSES = [PLAIN, HIGH, KEYED, ABSENT, NON_CANONICAL];

function guestWith(state: Partial<VcpuState>): GuestView {
  const memory = new FakeMemory(RAM_BYTES);
  for (const [at, value] of Object.entries(TABLES)) memory.setEntry(Number(at), value);
  const map = new MemoryMap([region('ram', 0n, BigInt(RAM_BYTES - 1))]);
  const report = { provider: 'gdb-stub', attempts: [] } as const;
  const readHidden = () => Promise.resolve(NO_HIDDEN_REGISTERS);
  return new GuestView(keptSource({ state: vcpuStateWith(state), map, readHidden }, { memory, report }, [0]));
}

function ask(state: Partial<VcpuState> = {}, addresses: readonly bigint[] = ADDRESSES): Promise<TranslationTable> {
  return guestWith(state).translateMany(BigUint64Array.from(addresses), READ);
}

const assumed = <T>(value: T): Sourced<T> => assumedFor(value, { code: 'no-qom-path' });

/** Which of ADDRESSES depend on an assumption. */
function decided(table: TranslationTable): readonly string[] {
  return ADDRESSES.map((_, at) =>
    table
      .assumed(at)
      .filter(({ decides }) => decides)
      .map(({ name }) => name)
      .join(),
  );
}

describe('the answers to many addresses', () => {
  it('say of each whether it depends on what was assumed, as translate does', async () => {
    const cases: readonly Partial<VcpuState>[] = [
      { maxPhyAddr: assumed(52) },
      { vendor: assumed('intel') },
      { cr4: sourced(0x20n | PKE, 'gdb-stub', ''), pkru: assumed(0) },
      { nested: assumed(null) },
    ];
    const expected = [
      ['', 'maxPhyAddr', '', '', ''],
      ['', '', '', '', ''],
      ['pkru', 'pkru', 'pkru', '', ''],
      ['nested', 'nested', 'nested', 'nested', ''],
    ];
    for (const [at, state] of cases.entries()) {
      const guest = guestWith(state);
      const table = await guest.translateMany(BigUint64Array.from(ADDRESSES), READ);
      expect(decided(table)).to.deep.equal(expected[at]);
      const answers = await guest.translate(ADDRESSES.map((linearAddress) => ({ linearAddress, access: READ })));
      expect(answers.map((answer) => answer.assumed)).to.deep.equal(ADDRESSES.map((_, row) => table.assumed(row)));
    }
    expect((await ask({ maxPhyAddr: assumed(52) })).assumed()).to.deep.equal([
      { name: 'maxPhyAddr', value: 52, cause: { code: 'no-qom-path' }, decides: true },
    ]);
  });

  it('say, if asked, where the machine would answer otherwise', async () => {
    // TCG does not report P with reserved bits up to QEMU 10.
    const guest = guestWith({ accelerator: sourced('tcg', 'monitor', '') });
    const addresses = BigUint64Array.from(ADDRESSES);
    expect((await guest.translateMany(addresses, READ)).deviates(0)).to.equal(null);
    const narrow = guestWith({ accelerator: sourced('tcg', 'monitor', ''), maxPhyAddr: sourced(36, 'qom', '') });
    const table = await narrow.translateMany(addresses, READ, { compareMachine: true });
    expect(ADDRESSES.map((_, at) => table.deviates(at))).to.deep.equal([false, true, false, false, false]);
    expect([table.countDeviations(), table.machine]).to.deep.equal([
      1,
      { accelerator: 'tcg', qemuVersion: [7, 2, 22] },
    ]);
  });

  it('are data: tables that say something else are not deep-equal, and JSON has a row for each address', async () => {
    expect(await ask()).to.deep.equal(await ask());
    expect(await ask()).not.to.deep.equal(await ask({ maxPhyAddr: sourced(36, 'qom', '') }));
    expect(await ask({}, [PLAIN])).not.to.deep.equal(await ask({}, [ABSENT]));
    const rows = JSON.parse(JSON.stringify(await ask()));
    expect(rows).to.have.lengthOf(ADDRESSES.length);
    expect(rows[0]).to.include({ cause: null, physicalAddress: '0x5000', pageSizeBytes: 4096 });
    expect(rows[3]).to.include({ cause: 'not-present', physicalAddress: null, responsibleAddress: '0x4018' });
  });

  it('and so are those of translate, with everything that is in them', async () => {
    const guest = guestWith({});
    const answers = await guest.translate(ADDRESSES.map((linearAddress) => ({ linearAddress, access: READ })));
    const [first, second] = JSON.parse(JSON.stringify(answers));
    expect(first).to.deep.include({ cpu: 0, mode: '4-level', nested: null });
    expect([first.request.linearAddress, first.translation.physicalAddress, first.region.last]).to.deep.equal([
      '0x0',
      '0x5000',
      '0xffff',
    ]);
    expect(second.translation.steps[3].value).to.equal('0x8000005007');
    for (const part of [await guest.vcpuState(), await guest.memoryMap(), answers[0]?.request]) {
      expect(JSON.stringify(part)).to.match(/"0x[0-9a-f]+"/);
    }
  });
});
