import { expect } from 'chai';
import {
  type GuestSource,
  GuestUsageError,
  GuestView,
  MemoryMap,
  type MemoryReport,
  type Region,
  type TranslateScope,
} from '../../../src/guest/index.ts';
import type { Assumption } from '../../../src/guest/vcpu/assumption.ts';
import type { HiddenRegisters } from '../../../src/guest/vcpu/hidden-registers.ts';
import { assumedMemoryTypes } from '../../../src/guest/vcpu/memory-types.ts';
import { parseOverride } from '../../../src/guest/vcpu/overrides.ts';
import { assumed, notInUse, sourced } from '../../../src/guest/vcpu/sourced.ts';
import type { VcpuState } from '../../../src/guest/vcpu/vcpu-state.ts';
import { type Access, type NptRegisters, planBits, TCG } from '../../../src/paging/index.ts';
import { openNpt, twoStageLinear } from '../../support/builders/hand-made-stages.ts';
import { HAND_MADE_HOST } from '../../support/builders/nested-space.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { FakeMemory } from '../../support/fakes/fake-memory.ts';
import { region } from '../../support/fakes/region.ts';
import { vcpuStateWith } from '../../support/fakes/sourced-state.ts';

const READ: Access = { write: false, user: false, exec: false };
const USER: Access = { ...READ, user: true };
const PKE = 1n << 22n;
const REPORT: MemoryReport = { provider: 'host-file', attempts: [] };
const NOTE: Assumption = { name: 'leftOut', value: null, cause: { code: 'left-out' }, decides: true };

/** Four tables; user pages at 0 and 0x1000, one of supervisors at 0x2000; the page table is in ROM from 0x1_0000 on. */
const TABLES: Readonly<Record<string, bigint>> = {
  '0x1000': 0x2007n,
  '0x2000': 0x3007n,
  '0x3000': 0x4007n,
  '0x3008': 0x1_0007n,
  '0x4000': 0x5007n,
  '0x4008': 0x6007n,
  '0x4010': 0x7003n,
  '0x4018': 0x4003n,
  '0x10000': 0x8007n,
  // Another root.
  '0x9000': 0xa007n,
  '0xa000': 0xb007n,
  '0xb000': 0xc007n,
  '0xc000': 0x8007n,
};
const RAM: readonly Region[] = [
  region('ram', 0n, 0xffffn),
  region('rom', 0x1_0000n, 0x1_0fffn, 'pc.bios'),
  region('ram', 0x1_1000n, 0x2_ffffn),
];

interface Made {
  readonly view: GuestView;
  readonly memory: FakeMemory;
  readonly map: MemoryMap;
  /** What was asked of the source, in order. */
  readonly log: string[];
}

/** Abilities of a source that a test is about. */
type More = (made: Omit<Made, 'view'>) => Partial<GuestSource>;

interface Making {
  readonly state?: Partial<VcpuState>;
  readonly more?: More;
  readonly entries?: Readonly<Record<string, bigint>>;
  readonly regions?: readonly Region[];
  readonly readHidden?: () => Promise<HiddenRegisters>;
}

/** A guest with the vCPUs 0 and 2, which see the same memory. */
function make({ state, more, entries = TABLES, regions = RAM, readHidden }: Making = {}): Made {
  const memory = new FakeMemory(0x3_0000);
  for (const [at, value] of Object.entries(entries)) memory.setEntry(Number(at), value);
  const map = new MemoryMap(regions);
  const log: string[] = [];
  const view = new GuestView({
    vcpus: [0, 2],
    readVcpu: async (cpu) => {
      log.push(`vcpu ${cpu}`);
      return { state: vcpuStateWith({ ...state, cpu }), map, ...(readHidden === undefined ? {} : { readHidden }) };
    },
    openMemory: async (vcpu) => {
      log.push(`memory of ${vcpu.state.cpu}`);
      return { memory, report: REPORT, [Symbol.dispose]: () => void log.push('memory closed') };
    },
    ...more?.({ memory, map, log }),
  });
  return { view, memory, map, log };
}

const paused: More = () => ({ pause: { check: () => {} } });

async function leadsTo(view: GuestView, linearAddress: bigint, scope?: TranslateScope, access = READ): Promise<string> {
  const [answer] = await view.translate([{ linearAddress, access }], scope);
  const { translation } = answer ?? {};
  return translation?.kind === 'mapped'
    ? `0x${Number(translation.physicalAddress).toString(16)}`
    : `${translation?.cause}`;
}

/** Every question, of the vCPU with a number; of the first where it is left out. */
const QUESTIONS: Readonly<Record<string, (view: GuestView, cpu?: number) => Promise<unknown>>> = {
  vcpuState: (view, cpu) => view.vcpuState(cpu),
  memoryMap: (view, cpu) => view.memoryMap(cpu),
  memoryTypes: (view, cpu) => view.memoryTypes(cpu),
  memoryReport: (view, cpu) => view.memoryReport(cpu),
  translate: (view, cpu) => view.translate([{ linearAddress: 0n, access: READ }], scopeOf(cpu)),
  setBits: (view, cpu) => view.setBits([], cpu),
  translateMany: (view, cpu) => view.translateMany(BigUint64Array.of(0n), READ, scopeOf(cpu)),
  snapshot: (view, cpu) => view.snapshot(scopeOf(cpu)),
  mapRanges: (view, cpu) => view.mapRanges(() => true, scopeOf(cpu)),
  findAliases: (view, cpu) => view.findAliases({ first: 0n, last: 1n }, () => true, scopeOf(cpu)),
  readPhysical: (view, cpu) => view.readPhysical(0x1000n, 8, cpu),
  readVirtual: (view, cpu) => view.readVirtual(0n, 8, scopeOf(cpu)),
  scopedState: (view, cpu) => view.scopedState(scopeOf(cpu)),
  addressSpace: (view, cpu) => view.addressSpace(cpu ?? 0),
};

function scopeOf(cpu: number | undefined): TranslateScope {
  return cpu === undefined ? {} : { cpu };
}

describe('a view asks its source', () => {
  for (const [name, ask] of Object.entries(QUESTIONS)) {
    it(`of the first vCPU unless another is named, and of none that there is not: ${name}`, async () => {
      const first = make();
      await ask(first.view);
      expect(first.log.filter((each) => each.startsWith('vcpu'))).to.deep.equal(['vcpu 0']);
      const other = make();
      await ask(other.view, 2);
      expect(other.log.filter((each) => each.startsWith('vcpu'))).to.deep.equal(['vcpu 2']);
      const none = make();
      expect(await expectRejection(ask(none.view, 1))).to.deep.include({
        ...{ name: 'GuestCpuError', code: 'ERR_GUEST_CPU', cpu: 1, cpus: [0, 2] },
        message: 'there is no vCPU 1: this guest has vCPUs 0 and 2',
      });
      expect(none.log).to.deep.equal([]);
    });
  }

  it('for each vCPU once, and for the memory that several see once', async () => {
    const { view, log } = make();
    for (const ask of Object.values(QUESTIONS)) {
      await ask(view);
      await ask(view, 2);
    }
    expect(log.sort()).to.deep.equal(['memory of 0', 'vcpu 0', 'vcpu 2']);
    expect([(await view.vcpuState()).cpu, (await view.vcpuState(2)).cpu]).to.deep.equal([0, 2]);
  });

  it('for pages of tables once, from question to question', async () => {
    const { view, memory } = make();
    await view.translateMany(BigUint64Array.of(0n), READ);
    const flights = memory.flights.length;
    expect(flights).to.equal(4);
    await view.translateMany(BigUint64Array.of(0x1000n), READ, { cpu: 2 });
    await view.readVirtual(0n, 4);
    expect(memory.flights.slice(flights), 'the bytes themselves').to.deep.equal([['r 0x5000+4']]);
  });

  it('what memory is read through, and what lies where', async () => {
    const { view, map } = make();
    expect(await view.memoryReport()).to.equal(REPORT);
    expect(await view.memoryMap(2)).to.equal(map);
  });

  it('for PAT and MTRRs, which are assumed where it does not know any', async () => {
    const { view } = make();
    expect(await view.memoryTypes()).to.deep.equal(
      assumedMemoryTypes({ code: 'not-in-source', register: 'memoryTypes' }),
    );
    const types = assumedMemoryTypes({ code: 'no-qmp' });
    const asked: number[] = [];
    const more = () => ({
      readMemoryTypes: async ({ state }: { readonly state: VcpuState }) => {
        asked.push(state.cpu);
        return types;
      },
    });
    expect(await make({ more }).view.memoryTypes(2)).to.equal(types);
    expect(asked).to.deep.equal([2]);
  });

  it('for few entries where these are quick to have, but not where there is SMRAM, nor for many', async () => {
    const few =
      (quick: FakeMemory): More =>
      () => ({ fewEntries: quick });
    const quickMemory = (): FakeMemory => {
      const quick = new FakeMemory(0x3_0000);
      for (const [at, value] of Object.entries(TABLES)) quick.setEntry(Number(at), value);
      return quick;
    };
    const quick = quickMemory();
    const plain = make({ more: few(quick) });
    expect(await leadsTo(plain.view, 0n)).to.equal('0x5000');
    expect([quick.flights.length, plain.memory.flights.length]).to.deep.equal([4, 0]);
    expect(plain.log, 'nothing is opened for them').to.deep.equal(['vcpu 0']);
    await plain.view.translateMany(BigUint64Array.of(0n), READ);
    expect([quick.flights.length, plain.memory.flights.length]).to.deep.equal([4, 4]);
    const smram = [...RAM.slice(0, 2), { ...region('ram', 0x1_1000n, 0x2_ffffn), onlyInSmm: true as const }];
    const hidden = quickMemory();
    const inSmm = make({ more: few(hidden), regions: smram });
    expect(await leadsTo(inSmm.view, 0n)).to.equal('0x5000');
    expect([hidden.flights.length, inSmm.memory.flights.length]).to.deep.equal([0, 4]);
  });

  it('whether it knows the address space, before walks are made', async () => {
    const asked: bigint[] = [];
    const checked: More = () => ({
      checkStages: ({ cr3 }) => {
        asked.push(cr3.value);
        throw new GuestUsageError('what lies behind is not known');
      },
    });
    for (const name of ['translate', 'translateMany', 'snapshot', 'readVirtual', 'addressSpace']) {
      const { view, memory } = make({ more: checked });
      const failure = await expectRejection(QUESTIONS[name]?.(view) ?? Promise.resolve());
      expect(failure.message, name).to.equal('what lies behind is not known');
      expect(memory.flights, name).to.deep.equal([]);
    }
    expect(new Set(asked)).to.deep.equal(new Set([0x1000n]));
    const { view } = make({ more: checked });
    for (const name of ['vcpuState', 'memoryMap', 'readPhysical', 'scopedState']) await QUESTIONS[name]?.(view);
  });
});

describe('what no stub shows', () => {
  const HELD: HiddenRegisters = {
    pkru: sourced(1, 'device-state', 'pkru'),
    pkrs: sourced(2, 'device-state', 'pkrs'),
    pdptes: sourced([0x9001n, 0n, 0n, 0n], 'device-state', 'pdptrs'),
    nested: sourced(null, 'device-state', 'svn_npt'),
    hypervisorSmep: notInUse(false, { code: 'smep-decides-nothing' }),
  };
  const keys = { cr4: sourced(0x20n | PKE, 'gdb-stub', 'register cr4') };

  function counted(): { readonly readHidden: () => Promise<HiddenRegisters>; readonly times: () => number } {
    let times = 0;
    const readHidden = (): Promise<HiddenRegisters> => {
      times += 1;
      return Promise.resolve(HELD);
    };
    return { readHidden, times: () => times };
  }

  it('is read once, when a question needs it', async () => {
    const { readHidden, times } = counted();
    const { view } = make({ state: keys, readHidden });
    expect(await leadsTo(view, 0x2000n), 'a page of supervisors').to.equal('0x7000');
    expect((await view.scopedState({})).pkru.from).to.equal('not-in-use');
    await view.snapshot();
    await view.readVirtual(0n, 1);
    expect(times()).to.equal(0);
    expect(await leadsTo(view, 0n)).to.equal('privilege-violation');
    expect(times()).to.equal(1);
    expect((await view.vcpuState()).pkru).to.equal(HELD.pkru);
    expect((await view.vcpuState()).pkrs.from, 'CR4.PKS is 0').to.equal('not-in-use');
    expect((await view.snapshot({ forWalks: true })).state.pkru).to.equal(HELD.pkru);
    expect((await view.translateMany(BigUint64Array.of(0n), READ)).cause(0)).to.equal('privilege-violation');
    expect(times()).to.equal(1);
  });

  it('is read for any walk where it is the second stage, or PDPTEs', async () => {
    for (const state of [
      { efer: sourced(0x1d00n, 'gdb-stub', 'register efer') },
      { efer: sourced(0n, 'gdb-stub', 'register efer') },
    ] as const) {
      const { readHidden, times } = counted();
      const { view } = make({ state, readHidden });
      await view.scopedState({});
      expect(times()).to.equal(1);
    }
  });

  it('is assumed where the source cannot tell', async () => {
    const { view } = make({ state: { ...keys, efer: sourced(0x1d00n, 'gdb-stub', 'register efer') } });
    const state = await view.vcpuState();
    expect(state.pkru).to.deep.equal({ value: 0, from: 'assumed', cause: { code: 'not-in-source', register: 'pkru' } });
    expect(state.nested).to.deep.equal({
      ...{ value: null, from: 'assumed', cause: { code: 'not-in-source', register: 'nested' } },
    });
  });

  it('is kept with the tables where a question needs it, and else is not', async () => {
    const { readHidden, times } = counted();
    const { view } = make({ state: keys, readHidden, more: paused });
    const kept = await view.keep([BigUint64Array.of(0n)], READ);
    expect(times()).to.equal(1);
    expect((await kept?.vcpuState())?.pkru).to.equal(HELD.pkru);
    const without = counted();
    const plain = await make({ readHidden: without.readHidden, more: paused }).view.keep([BigUint64Array.of(0n)], READ);
    expect(without.times()).to.equal(0);
    const asked = await plain?.translate([{ linearAddress: 0n, access: READ }], {
      overrides: [parseOverride('CR4.PKE=1')],
    });
    expect(asked?.[0]?.assumed).to.deep.equal([
      { name: 'pkru', value: 0, cause: { code: 'not-kept', register: 'pkru' }, decides: true },
    ]);
  });
});

describe('the scope of a question', () => {
  it('names another address space, and changes to the vCPU', async () => {
    const { view } = make();
    expect(await leadsTo(view, 0n)).to.equal('0x5000');
    expect(await leadsTo(view, 0n, { cr3: 0x9000n })).to.equal('0x8000');
    expect(await leadsTo(view, 0n, { overrides: [parseOverride('CR3=0x9000')] })).to.equal('0x8000');
    expect(await leadsTo(view, 0n, { cr3: 0x9000n, overrides: [parseOverride('CR0.PG=0')] })).to.equal('0x0');
    const many = await view.translateMany(BigUint64Array.of(0n), READ, { cr3: 0x9000n });
    expect(many.physicalAddress(0)).to.equal(0x8000n);
    expect((await view.snapshot({ cr3: 0x9000n })).context.root).to.equal(0x9000n);
    expect([...(await view.readVirtual(0x3000n, 8))]).to.deep.equal([0x07, 0x50, 0, 0, 0, 0, 0, 0]);
    expect((await expectRejection(view.readVirtual(0x3000n, 8, { cr3: 0x9000n }))).message).to.equal(
      '8 bytes at virtual address 0x3000 cannot be read: 0x3000 is not mapped',
    );
    expect((await view.scopedState({ cr3: 0x9000n })).cr3).to.deep.include({ value: 0x9000n, from: 'given' });
    expect((await view.scopedState({ overrides: [parseOverride('CR4.PKE=1')] })).cr4.value).to.equal(0x20n | PKE);
  });

  it('names the machine whose behaviour is asked for', async () => {
    const { view } = make({ state: { accelerator: sourced('tcg' as const, 'monitor', 'query-kvm') } });
    const [own, asked] = [await view.scopedState({}), await view.scopedState({ profile: TCG })];
    expect([own.profile.value, asked.profile.value]).to.deep.equal([null, TCG]);
    const [answer] = await view.translate([{ linearAddress: 0n, access: READ }], { profile: TCG });
    expect(answer?.profile).to.equal(TCG.name);
  });

  it('names a process or a CR3, and not both', async () => {
    const { view, log } = make();
    for (const ask of [
      () => view.translate([], { process: 1, cr3: 0x1000n }),
      () => view.translateMany(BigUint64Array.of(0n), READ, { process: 'sh', cr3: 0n }),
      () => view.snapshot({ process: 1, cr3: 0x1000n }),
      () => view.scopedState({ process: 1, cr3: 0x1000n }),
    ]) {
      const refusal = await expectRejection(ask());
      expect(refusal).to.be.instanceOf(GuestUsageError);
      expect(refusal.message).to.equal(
        'a scope names a process or a CR3, and this one has both: leave one of them out',
      );
    }
    expect(log.filter((each) => each.startsWith('memory'))).to.deep.equal([]);
    const noLinux = await expectRejection(view.translate([], { process: 1, cpu: 2 }));
    expect(noLinux).to.include({ code: 'ERR_LINUX_DATA' });
    expect(noLinux.message).to.match(/there is none in the address space of vCPU 2: /);
  });

  it('names the second stage, or none', async () => {
    const { view } = make({
      entries: { ...openNpt, '0x1120': 0x2027n, '0x2688': 0x3027n, '0x3598': 0x4027n, '0x4c48': 0x5067n },
    });
    const nested = { kind: 'npt', registers: HAND_MADE_HOST } as const;
    const [through] = await view.translate([{ linearAddress: twoStageLinear, access: READ }], { nested });
    expect(through?.nested?.translation).to.include({ kind: 'mapped', l1PhysicalAddress: 0x2_5abcn });
    const [alone] = await view.translate([{ linearAddress: twoStageLinear, access: READ }], { nested: null });
    expect(alone?.nested).to.equal(null);
    const many = await view.translateMany(BigUint64Array.of(twoStageLinear), READ, { nested });
    expect([many.physicalAddress(0), many.l1PhysicalAddress(0)]).to.deep.equal([0x5abcn, 0x2_5abcn]);
    expect((await view.snapshot({ nested })).nested?.kind).to.equal('npt');
    const refusal = await expectRejection(view.readVirtual(twoStageLinear, 1, { nested, cpu: 2 }));
    expect(refusal).to.be.instanceOf(GuestUsageError);
    expect(refusal.message).to.equal(
      'vCPU 2 runs a nested guest (L2), whose linear addresses go through two stages: ' +
        'ask for its translation, and for physical addresses',
    );
  });
});

describe('what a source says that everything rests on', () => {
  it('stands in every answer, behind what the answer rests on itself', async () => {
    const state = { maxPhyAddr: assumed(52, { code: 'no-qom-path' }) };
    const silent: Assumption = { ...NOTE, name: 'moment', decides: false };
    const { view } = make({ state, more: () => ({ notes: [NOTE, silent] }) });
    expect(view.notes).to.deep.equal([NOTE, silent]);
    const own = { name: 'maxPhyAddr', value: 52, cause: { code: 'no-qom-path' }, decides: false };
    const answers = await view.translate([
      { linearAddress: 0n, access: READ },
      { linearAddress: 0x5000n, access: READ },
    ]);
    expect(answers.map((answer) => answer.assumed)).to.deep.equal([
      [own, NOTE, silent],
      [own, NOTE, silent],
    ]);
    expect(answers.map(({ translation }) => translation.kind)).to.deep.equal(['mapped', 'fault']);
    expect(JSON.parse(JSON.stringify(answers[0])).translation.physicalAddress).to.equal('0x5000');
    const many = await view.translateMany(BigUint64Array.of(0n, 0x5000n), READ);
    for (const assumptions of [many.assumed(), many.assumed(0), many.assumed(1)]) {
      expect(assumptions).to.deep.equal([own, NOTE, silent]);
    }
    expect((await view.snapshot()).assumed).to.deep.equal([{ ...own, decides: true }, NOTE, silent]);
  });

  it('stands there also where it is one thing, or decides nothing', async () => {
    for (const note of [NOTE, { ...NOTE, name: 'moment', decides: false } as const]) {
      const { view } = make({ more: () => ({ notes: [note] }) });
      const [answer] = await view.translate([{ linearAddress: 0n, access: READ }]);
      expect(answer?.assumed).to.deep.equal([note]);
      expect((await view.translateMany(BigUint64Array.of(0n), READ)).assumed(0)).to.deep.equal([note]);
      expect((await view.snapshot()).assumed).to.deep.equal([note]);
    }
  });

  it('is nothing unless it says so', async () => {
    const { view } = make();
    expect(view.notes).to.deep.equal([]);
    const [answer] = await view.translate([{ linearAddress: 0n, access: READ }]);
    expect(answer?.assumed).to.deep.equal([]);
    expect((await view.translateMany(BigUint64Array.of(0n), READ)).assumed()).to.deep.equal([]);
    expect((await view.snapshot()).assumed).to.deep.equal([]);
  });
});

describe('the answers to many addresses', () => {
  it('have the names of the ROM in which tables lie', async () => {
    const { view } = make();
    expect((await view.translateMany(BigUint64Array.of(0n), READ)).tablesInRom).to.deep.equal([]);
    const inRom = await view.translateMany(BigUint64Array.of(0x20_0000n), READ);
    expect([inRom.tablesInRom, inRom.physicalAddress(0)]).to.deep.equal([['pc.bios'], 0x8000n]);
  });

  it('are compared with those of the machine where there is one, and it is asked for', async () => {
    const accelerator = sourced('tcg' as const, 'monitor', 'query-kvm');
    const reserved = { ...TABLES, '0x4008': 0x8_0000_0000_6007n };
    const addresses = BigUint64Array.of(0n, 0x1000n);
    const table = await make({ state: { accelerator }, entries: reserved }).view.translateMany(addresses, READ, {
      compareMachine: true,
    });
    expect([table.deviates(0), table.deviates(1), table.countDeviations()]).to.deep.equal([false, true, 1]);
    expect(table.machine).to.deep.equal({ accelerator: 'tcg', qemuVersion: [7, 2, 22] });
    for (const [state, scope] of [
      [{ accelerator }, {}],
      [{ accelerator }, { compareMachine: false }],
      [{ accelerator: notInUse(null, { code: 'no-machine' }) }, { compareMachine: true }],
    ] as const) {
      const alone = await make({ state, entries: reserved }).view.translateMany(addresses, READ, scope);
      expect([alone.deviates(1), alone.machine]).to.deep.equal([null, null]);
    }
  });

  it('are compared through both stages, each as the machine judges it', async () => {
    const state = {
      accelerator: sourced('tcg' as const, 'monitor', 'query-kvm'),
      vendor: sourced('amd' as const, 'qom', 'cpu.vendor'),
      nested: sourced({ kind: 'npt', registers: HAND_MADE_HOST } as const, 'device-state', 'svn_npt'),
    } as const;
    const regions = [region('ram', 0n, 0x2_ffffn)];
    const bit8 = 0x100n;
    for (const [changes, deviates] of [
      [{}, false],
      [{ '0x21120': 0x2027n | bit8 }, true],
      [{ '0x10000': 0x1_1007n | bit8 }, true],
      [{ '0x13028': 0x8_0000_0002_5007n }, false],
    ] as const) {
      const { view } = make({ state, entries: { ...openNpt, ...changes }, regions });
      const table = await view.translateMany(BigUint64Array.of(twoStageLinear), READ, { compareMachine: true });
      const [answer] = await view.translate([{ linearAddress: twoStageLinear, access: READ }]);
      expect(table.deviates(0), Object.keys(changes).join()).to.equal(deviates);
      if (deviates) expect(answer?.deviation).not.to.equal(null);
    }
  });
});

describe('what was kept', () => {
  it('is nothing where there is no pause: the guest runs on anyway', async () => {
    const { view, log } = make();
    expect(await view.keep([BigUint64Array.of(0n)], READ)).to.equal(null);
    expect(log).to.deep.equal([]);
  });

  it('answers the same, with everything that is in the answer, by any vCPU that may have been assumed', async () => {
    const assumedTo = { code: 'no-qom-path' } as const;
    const states: readonly Partial<VcpuState>[] = [
      {},
      { maxPhyAddr: assumed(52, assumedTo) },
      { vendor: assumed('amd', assumedTo) },
      {
        accelerator: sourced('tcg' as const, 'monitor', 'query-kvm'),
        vendor: sourced('amd' as const, 'qom', 'cpu.vendor'),
      },
    ];
    const entries = { ...TABLES, '0x1000': 0x2107n, '0x4008': 0x80_0000_6007n };
    for (const state of states) {
      const { view, memory } = make({ state, entries, more: paused });
      const addresses = [0n, 0x1000n, 0x2000n, 0x5000n, 1n << 39n, 1n << 50n];
      const scope = { cpu: 2 };
      const chunks = [BigUint64Array.from(addresses.slice(0, 2)), BigUint64Array.from(addresses.slice(2))];
      const kept = await view.keep(chunks, USER, scope);
      if (kept === null) throw new Error('it is not too much to keep');
      const flights = memory.flights.length;
      const requests = addresses.map((linearAddress) => ({ linearAddress, access: USER }));
      const answers = await kept.translate(requests, scope);
      expect(memory.flights).to.have.length(flights);
      expect(answers).to.deep.equal(await view.translate(requests, scope));
      expect(await kept.memoryReport(2)).to.equal(REPORT);
    }
  });

  it('has what either of both looks at: the walk that was asked for, and that of the machine', async () => {
    const [tcg, amd] = [sourced('tcg' as const, 'monitor', ''), sourced('amd' as const, 'qom', '')];
    const behind = (registers: NptRegisters): Partial<VcpuState> => ({
      ...{ accelerator: tcg, vendor: amd },
      nested: sourced({ kind: 'npt', registers } as const, 'device-state', 'svn_npt'),
    });
    const own = { '0x1120': 0x2027n, '0x2688': 0x3027n, '0x3598': 0x4027n, '0x4c48': 0x5067n };
    for (const [name, state, entries] of [
      // TCG does not look at the tables of a hypervisor without PAE.
      ['one stage of the machine', behind({ ...HAND_MADE_HOST, cr4: 0x10n, efer: 0n }), { ...openNpt, ...own }],
      // TCG does not look at bit 8 of the top level, and goes on.
      ['more of the machine', behind(HAND_MADE_HOST), { ...openNpt, '0x10000': 0x1_1107n }],
      ['the same', behind(HAND_MADE_HOST), openNpt],
    ] as const) {
      const { view } = make({ state, entries, regions: [region('ram', 0n, 0x2_ffffn)], more: paused });
      const kept = await view.keep([BigUint64Array.of(twoStageLinear)], READ);
      const requests = [{ linearAddress: twoStageLinear, access: READ }];
      expect(await kept?.translate(requests), name).to.deep.equal(await view.translate(requests));
    }
  });

  it('is nothing where the pause is over before all is read', async () => {
    let isOver = false;
    const { view } = make({
      more: () => ({
        pause: {
          check: () => {
            if (isOver) throw new Error('the pause is over');
          },
        },
      }),
    });
    await view.vcpuState();
    const kept = view.keep([BigUint64Array.of(0n)], READ);
    setImmediate(() => {
      isOver = true;
    });
    expect((await expectRejection(kept)).message).to.equal('the pause is over');
  });

  it('is of one vCPU, and of what was named', async () => {
    const { view } = make({ more: paused });
    const kept = await view.keep([BigUint64Array.of(0n)], READ, { cpu: 2 });
    if (kept === null) throw new Error('it is not too much to keep');
    expect((await expectRejection(kept.vcpuState(0))).message).to.equal('only vCPU 2 was kept, not vCPU 0');
    expect((await expectRejection(kept.vcpuState(1))).message).to.match(/^there is no vCPU 1: /);
    const [other] = [kept.translate([{ linearAddress: 0x20_0000n, access: READ }], { cpu: 2 })];
    expect((await expectRejection(other)).message).to.match(/^the page of tables at 0x10000 was not kept: /);
  });

  it('is of the first vCPU, and its own address space, unless another is named', async () => {
    const { view } = make({ more: paused });
    const kept = await view.keep([BigUint64Array.of(0n)], READ);
    expect(kept && (await leadsTo(kept, 0n))).to.equal('0x5000');
    const other = await view.keep([BigUint64Array.of(0n)], READ, { cr3: 0x9000n });
    expect(other && (await leadsTo(other, 0n, { cr3: 0x9000n }))).to.equal('0x8000');
  });
});

describe('a snapshot', () => {
  it('is told of while it is read, and has the part that is asked for', async () => {
    const { view, memory } = make();
    const progress: string[] = [];
    const onProgress = (loaded: number, known: number): void => void progress.push(`${loaded} of ${known}`);
    const snapshot = await view.snapshot({ onProgress });
    expect(progress).to.deep.equal(['1 of 1', '2 of 2', '3 of 3', '5 of 5']);
    expect([snapshot.isWhole, snapshot.tablePages, snapshot.tablesInRom]).to.deep.equal([true, 5, ['pc.bios']]);
    const flights = memory.flights.length;
    const part = await view.snapshot({ first: 0n, last: 0xfffn });
    expect([part.tablePages, memory.flights.length - flights]).to.deep.equal([4, 4]);
    expect(part.memoryMap).to.equal(await view.memoryMap());
  });

  it('is what maps and searches are made of', async () => {
    const { view } = make();
    const ranges: string[] = [];
    const { complete } = await view.mapRanges(({ first, last }) => ranges.push(`${first} ${last}`) > 0, {
      ...{ first: 0x1000n, last: 0x2fffn },
    });
    expect([complete, ranges]).to.deep.equal([true, [`${0x1000} ${0x1fff}`, `${0x2000} ${0x2fff}`]]);
    const found: string[] = [];
    const everywhere = await view.findAliases(
      { first: 0x8010n, last: 0x8020n },
      ({ first, last }) => found.push(`${first} ${last}`) > 0,
    );
    expect([everywhere.complete, found]).to.deep.equal([true, [`${0x20_0010} ${0x20_0020}`]]);
    const none: string[] = [];
    await view.findAliases({ first: 0x8010n, last: 0x8020n }, ({ first }) => none.push(`${first}`) > 0, {
      ...{ first: 0n, last: 0x1f_ffffn },
    });
    expect(none).to.deep.equal([]);
    const inOther: string[] = [];
    await view.findAliases({ first: 0x8010n, last: 0x8020n }, ({ first }) => inOther.push(`${first}`) > 0, {
      cr3: 0x9000n,
    });
    expect(inOther).to.deep.equal([`${0x10}`]);
    expect((await view.mapRanges(() => false)).complete).to.equal(false);
    expect((await view.findAliases({ first: 0n, last: 0xffffn }, () => false)).complete).to.equal(false);
  });
});

describe('what is written', () => {
  const writable =
    (allowsWrites: boolean | undefined): More =>
    ({ memory, log }) => ({
      writable: memory,
      ...(allowsWrites === undefined ? {} : { allowsWrites }),
      pause: { check: () => void log.push('checked') },
    });

  it('is refused unless there is what can be written, and who opened the source has said so', async () => {
    const running = 'memory can be written only while the guest is paused';
    const unsaid = 'memory is written only for those who say so: attach({ allowWrites: true })';
    const cases: readonly (readonly [More | undefined, string])[] = [
      [undefined, running],
      [() => ({ allowsWrites: true }), running],
      [writable(undefined), unsaid],
      [writable(false), unsaid],
    ];
    for (const [more, message] of cases) {
      const made = make(more === undefined ? {} : { more });
      for (const write of [
        () => made.view.writePhysical(0x5000n, Uint8Array.of(1)),
        () => made.view.writeVirtual(0n, Uint8Array.of(1)),
      ]) {
        const refusal = await expectRejection(write());
        expect(refusal).to.be.instanceOf(GuestUsageError);
        expect(refusal.message).to.equal(message);
      }
      expect(made.memory.flights.flat().filter((each) => each.startsWith('w'))).to.deep.equal([]);
    }
  });

  it('is in guest memory, and in all that was read before', async () => {
    const { view, memory } = make({ more: writable(true) });
    // What questions of both kinds have read.
    await view.translateMany(BigUint64Array.of(0n), READ);
    const space = await view.addressSpace(0);
    expect([...((await space.read(0x3000n, 2)) ?? [])]).to.deep.equal([0x07, 0x50]);
    await view.writePhysical(0x4000n, Uint8Array.of(0x07, 0x80), 2);
    expect(memory.entry(0x4000)).to.equal('0x8007');
    expect((await view.translateMany(BigUint64Array.of(0n), READ)).physicalAddress(0)).to.equal(0x8000n);
    expect([...((await space.read(0x3000n, 2)) ?? [])]).to.deep.equal([0x07, 0x80]);
    await view.writeVirtual(0x3001n, Uint8Array.of(0x60), { cpu: 2 });
    expect(await leadsTo(view, 0n)).to.equal('0x6000');
    expect((await view.translateMany(BigUint64Array.of(0n), READ)).physicalAddress(0)).to.equal(0x6000n);
    await view.writeVirtual(0n, Uint8Array.of(1, 2, 3), { cr3: 0x9000n });
    expect([...(await view.readPhysical(0x8000n, 4))]).to.deep.equal([1, 2, 3, 0]);
    const unmapped = await expectRejection(view.writeVirtual(0x5000n, Uint8Array.of(1, 2)));
    expect(unmapped.message).to.equal('2 bytes at virtual address 0x5000 cannot be written: 0x5000 is not mapped');
    const inRom = await expectRejection(view.writePhysical(0x1_0000n, Uint8Array.of(1)));
    expect(inRom.message).to.equal(
      '1 byte at physical address 0x10000 cannot be written: at 0x10000 there is ROM (pc.bios), and only RAM is written',
    );
  });

  it('is neither written nor told of as another failure once the pause is over', async () => {
    for (const address of [0x5000n, 0x1_0000n]) {
      let checks = 0;
      const { view, memory } = make({
        more: ({ memory }) => ({
          ...{ writable: memory, allowsWrites: true },
          pause: {
            check: () => {
              checks += 1;
              if (checks > 1) throw new Error('the pause is over');
            },
          },
        }),
      });
      const failure = await expectRejection(view.writePhysical(address, Uint8Array.of(1)));
      expect(failure.message).to.equal('the pause is over');
      expect(memory.flights.flat().filter((each) => each.startsWith('w'))).to.deep.equal([]);
    }
  });

  it('is not told of where memory does not take it', async () => {
    const { view } = make({
      more: ({ memory }) => ({
        writable: {
          read: (pieces) => memory.read(pieces),
          write: () => Promise.reject(new Error('the stub does not answer')),
        },
        allowsWrites: true,
      }),
    });
    await view.translateMany(BigUint64Array.of(0n), READ);
    const failure = await expectRejection(view.writePhysical(0x4000n, Uint8Array.of(0)));
    expect(failure.message).to.match(/the stub does not answer/);
    expect((await view.translateMany(BigUint64Array.of(0n), READ)).physicalAddress(0)).to.equal(0x5000n);
  });

  it('is as long as it can be, as is what is read', async () => {
    const { view } = make({ more: writable(true) });
    const tooMany = '67108865 bytes are not asked for at once: 0 to 67108864 are';
    const beyond = (space: string, address: string): string =>
      `2 bytes from ${address} on go beyond the end of ${space} addresses`;
    const last = [(1n << 52n) - 1n, (1n << 64n) - 1n] as const;
    for (const [ask, message] of [
      [() => view.readPhysical(0n, 67_108_865), tooMany],
      [() => view.readVirtual(0n, 67_108_865), tooMany],
      [() => view.readPhysical(0n, -1), '-1 bytes are not asked for at once: 0 to 67108864 are'],
      [() => view.readPhysical(last[0], 2), beyond('physical', '0xfffffffffffff')],
      [() => view.readVirtual(last[1], 2), beyond('virtual', '0xffffffffffffffff')],
      [() => view.writePhysical(last[0], Uint8Array.of(1, 2)), beyond('physical', '0xfffffffffffff')],
      [() => view.writeVirtual(last[1], Uint8Array.of(1, 2)), beyond('virtual', '0xffffffffffffffff')],
    ] as const) {
      const refusal = await expectRejection(ask());
      expect(refusal).to.be.instanceOf(GuestUsageError);
      expect(refusal.message).to.equal(message);
    }
    expect([...(await view.readPhysical(0n, 0))]).to.deep.equal([]);
    expect([...(await view.readVirtual(0n, 0))]).to.deep.equal([]);
  });

  it('are bits, for which it need not be allowed', async () => {
    const { view, memory } = make({ more: writable(undefined) });
    const flags = { setAccessed: true, setDirty: true, forceSetAccessed: false };
    const access = { ...READ, write: true };
    const [answer] = await view.translate([{ linearAddress: 0x20_0000n, access }]);
    if (answer === undefined) throw new Error('there is no answer');
    const planned = planBits(answer.translation, flags);
    expect(planned.map(({ address }) => address)).to.deep.equal([0x1000n, 0x2000n, 0x3008n, 0x1_0000n]);
    await view.translateMany(BigUint64Array.of(0x20_0000n), READ);
    memory.setEntry(0x2000, 0x3207n);
    expect((await view.setBits(planned)).map(({ address }) => address)).to.deep.equal([0x1000n, 0x3008n]);
    expect([0x1000, 0x2000, 0x3008, 0x1_0000].map((at) => memory.entry(at))).to.deep.equal([
      ...['0x2027', '0x3207', '0x10027', '0x8007'],
    ]);
    // The page at 0x1000 is known, and follows.
    const many = Array.from({ length: 16 }, () => ({ linearAddress: 0x20_0000n, access: READ }));
    const [again] = await view.translate(many);
    expect(again?.translation.steps.map(({ value }) => value)).to.deep.equal([0x2027n, 0x3007n, 0x1_0027n, 0x8007n]);
  });

  it('is no bit of a guest that runs', async () => {
    const { view } = make();
    const flags = { setAccessed: true, setDirty: true, forceSetAccessed: false };
    const refusal = await expectRejection(view.translate([{ linearAddress: 0n, access: READ, flags }]));
    expect(refusal).to.be.instanceOf(GuestUsageError);
  });
});

describe('the end of a pause', () => {
  it('is heard of before an answer is given, though nothing that was asked took a turn', async () => {
    for (const [name, ask] of Object.entries(QUESTIONS)) {
      if (['addressSpace', 'scopedState'].includes(name)) continue;
      let isOver = false;
      const { view } = make({
        more: () => ({
          pause: {
            check: () => {
              if (isOver) throw new Error('the pause is over');
            },
          },
          // News that comes in with the next turn of the event loop.
          readMemoryTypes: async () => {
            return assumedMemoryTypes({ code: 'no-qmp' });
          },
        }),
      });
      await view.vcpuState();
      const asked = ask(view);
      setImmediate(() => {
        isOver = true;
      });
      expect((await expectRejection(asked)).message, name).to.equal('the pause is over');
    }
  });

  it('is heard of in the way that the source has', async () => {
    const { view, log } = make({
      more: ({ log }) => ({
        pause: {
          check: () => void log.push('checked'),
          hearNews: async () => void log.push('heard'),
        },
      }),
    });
    await view.memoryMap();
    expect(log).to.deep.equal(['checked', 'vcpu 0', 'heard', 'checked']);
  });
});

describe('a view that is not used any more', () => {
  it('gives back what was opened, and the source, each once', async () => {
    const { view, log } = make({ more: ({ log }) => ({ [Symbol.dispose]: () => void log.push('source closed') }) });
    await view.memoryReport();
    view[Symbol.dispose]();
    expect(log).to.deep.equal(['vcpu 0', 'memory of 0', 'source closed', 'memory closed']);
    view[Symbol.dispose]();
    expect(log.filter((each) => each === 'memory closed')).to.have.length(1);
  });

  it('gives back at once what is opened afterwards', async () => {
    let open = (): void => {};
    const isOpened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { view, log } = make({
      more: ({ memory, log }) => ({
        openMemory: async () => {
          await isOpened;
          return { memory, report: REPORT, [Symbol.dispose]: () => void log.push('memory closed') };
        },
      }),
    });
    const report = view.memoryReport();
    view[Symbol.dispose]();
    expect(log).not.to.include('memory closed');
    open();
    expect(await report).to.equal(REPORT);
    expect(log.filter((each) => each === 'memory closed')).to.have.length(1);
  });
});
