import { expect } from 'chai';
import { answerRequests } from '../../../../src/guest/answers/answer-requests.ts';
import type { GuestTranslation } from '../../../../src/guest/answers/guest-translation.ts';
import { notInUse, sourced } from '../../../../src/guest/vcpu/sourced.ts';
import type { VcpuState } from '../../../../src/guest/vcpu/vcpu-state.ts';
import type { Space } from '../../../../src/guest/walks/space.ts';
import { type Access, PagingInputError, translate, translateNested } from '../../../../src/paging/index.ts';
import { guestEntry, nestedEntry, openNpt, twoStageLinear } from '../../../support/builders/hand-made-stages.ts';
import { nestedSpace, nestedVcpuStateWith } from '../../../support/builders/nested-space.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import type { FakeMemory } from '../../../support/fakes/fake-memory.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';

const READ: Access = { write: false, user: false, exec: false };
const USER: Access = { ...READ, user: true };
const NO_FLAGS = { setAccessed: false, setDirty: false, forceSetAccessed: false };
const PKE = 1n << 22n;
const PKS = 1n << 24n;

/** Four tables; user pages at 0 and 0x1000, one of supervisors at 0x2000, none at 0x3000. */
const TABLES: Readonly<Record<string, bigint>> = {
  '0x1000': 0x2027n,
  '0x2000': 0x3027n,
  '0x3000': 0x4027n,
  '0x4000': 0x5067n,
  '0x4008': 0x6067n,
  '0x4010': 0x7063n,
};

function made(replaced: Partial<VcpuState> = {}): { readonly space: Space; readonly memory: FakeMemory } {
  return nestedSpace(vcpuStateWith(replaced), TABLES);
}

async function ask(space: Space, linearAddress: bigint, access = READ): Promise<GuestTranslation> {
  const [answer] = await answerRequests([{ linearAddress, access }], space);
  if (answer === undefined) throw new Error('there is no answer');
  return answer;
}

describe('answerRequests', () => {
  it('has everything of an answer, where the address leads somewhere and where it does not', async () => {
    const { space, memory } = made({ cpu: 3 });
    const readEntry = (address: bigint): bigint => BigInt(memory.entry(Number(address)));
    const common = {
      ...{ cpu: 3, mode: '4-level', profile: 'intel', nested: null },
      ...{ wrote: [], bitsAreSet: true, inRom: [], deviation: null, assumed: [] },
    };
    expect(await ask(space, 0x1abcn, USER)).to.deep.equal({
      ...common,
      request: { linearAddress: 0x1abcn, access: USER, flags: NO_FLAGS },
      translation: translate(space.context, { readEntry }, 0x1abcn, USER),
      region: { kind: 'ram', name: 'pc.ram', first: 0n, last: 0x2_ffffn, offset: 0n },
    });
    expect(await ask(space, 0x3abcn)).to.deep.equal({
      ...common,
      request: { linearAddress: 0x3abcn, access: READ, flags: NO_FLAGS },
      translation: translate(space.context, { readEntry }, 0x3abcn, READ),
      region: null,
    });
    expect(memory.flights.flat().filter((each) => each.startsWith('w'))).to.deep.equal([]);
  });

  it('has what lies where an address leads', async () => {
    const { space } = nestedSpace(vcpuStateWith(), { ...TABLES, '0x4018': 0x7_0067n });
    expect((await ask(space, 0x3abcn)).region).to.deep.equal({
      ...{ kind: 'none', name: '', first: 0x7_0abcn, last: 0x7_0abcn, offset: 0n },
    });
  });

  it('has what lies where an address leads through two stages, in the memory of L1', async () => {
    const through = nestedSpace(nestedVcpuStateWith(), openNpt).space;
    const mapped = await ask(through, twoStageLinear);
    expect(mapped.region).to.deep.equal({ kind: 'ram', name: 'pc.ram', first: 0n, last: 0x2_ffffn, offset: 0n });
    const readEntry = (address: bigint): bigint =>
      BigInt(nestedSpace(nestedVcpuStateWith(), openNpt).memory.entry(Number(address)));
    const stage = through.nested?.context;
    const both = stage && translateNested(through.context, stage, { readEntry }, twoStageLinear, READ);
    expect(mapped.nested).to.deep.equal({ translation: both, wrote: [] });
    expect(mapped.translation).to.deep.equal(both?.kind === 'mapped' && both.guest);
    const beyond = nestedSpace(nestedVcpuStateWith(), { ...openNpt, [nestedEntry.ofData]: 0x70_0007n }).space;
    expect((await ask(beyond, twoStageLinear)).region).to.deep.equal({
      ...{ kind: 'none', name: '', first: 0x70_0abcn, last: 0x70_0abcn, offset: 0n },
    });
    for (const changes of [{ [nestedEntry.ofData]: 0n }, { [guestEntry.pte]: 0n }]) {
      const { space } = nestedSpace(nestedVcpuStateWith(), { ...openNpt, ...changes });
      expect((await ask(space, twoStageLinear)).region).to.equal(null);
    }
  });

  it('reads entries for fewer than 16 requests, and whole pages from then on', async () => {
    for (const [count, bytes] of [
      [1, 8],
      [15, 8],
      [16, 4096],
      [17, 4096],
    ] as const) {
      const { space, memory } = made();
      const requests = Array.from({ length: count }, (_, at) => ({
        ...{ linearAddress: BigInt(at % 4) * 0x1000n + BigInt(at), access: READ },
      }));
      const answers = await answerRequests(requests, space);
      const sizes = new Set(memory.flights.flat().map((read) => Number(read.split('+')[1])));
      expect([...sizes], String(count)).to.deep.equal([bytes]);
      expect(answers.map(({ request }) => request.linearAddress)).to.deep.equal(
        requests.map(({ linearAddress }) => linearAddress),
      );
      expect(
        answers.map(({ translation }) => translation.kind === 'mapped' && translation.physicalAddress),
      ).to.deep.equal(requests.map(({ linearAddress }) => (linearAddress < 0x3000n ? 0x5000n + linearAddress : false)));
    }
  });

  it('answers more requests through two stages than are walked together, each in its place', async () => {
    const { space } = nestedSpace(nestedVcpuStateWith(), openNpt);
    const page = twoStageLinear & ~0xfffn;
    const requests = Array.from({ length: 2050 }, (_, at) => ({ linearAddress: page + BigInt(at), access: READ }));
    const answers = await answerRequests(requests, space);
    const leads = answers.map(({ nested }) =>
      nested?.translation.kind === 'mapped' ? Number(nested.translation.l1PhysicalAddress) : null,
    );
    expect(leads).to.deep.equal(requests.map((_, at) => 0x2_5000 + at));
  });

  it('refuses what no processor could ask, of few as of many', async () => {
    const refused = { linearAddress: 1n << 64n, access: READ };
    for (const count of [1, 16]) {
      const requests = Array.from({ length: count }, () => refused);
      expect(await expectRejection(answerRequests(requests, made().space))).to.be.instanceOf(PagingInputError);
      const nested = nestedSpace(nestedVcpuStateWith(), openNpt).space;
      expect(await expectRejection(answerRequests(requests, nested))).to.be.instanceOf(PagingInputError);
    }
  });

  it('answers nothing where nothing is asked', async () => {
    const { space, memory } = made();
    expect(await answerRequests([], space)).to.deep.equal([]);
    expect(memory.flights.flat()).to.deep.equal([]);
  });
});

describe('protection keys are read', () => {
  /** How the address ends, with both key registers denying key 0, and how often they are read. */
  async function outcome(cr4Bits: bigint, linearAddress: bigint, access: Access): Promise<string> {
    const cr4 = sourced(0x20n | cr4Bits, 'gdb-stub', 'register cr4');
    const denying = { pkru: sourced(1, 'device-state', ''), pkrs: sourced(1, 'device-state', '') };
    let reads = 0;
    const complete = async (): Promise<Space> => {
      reads += 1;
      return made({ cr4, ...denying }).space;
    };
    const { translation } = await ask({ ...made({ cr4 }).space, complete }, linearAddress, access);
    return `${translation.kind === 'mapped' ? 'mapped' : translation.cause}, ${reads} read`;
  }

  it('of user pages where CR4.PKE is set, and of supervisor pages where CR4.PKS is', async () => {
    const denied = 'privilege-violation, 1 read';
    const unread = 'mapped, 0 read';
    for (const [name, bits, ofUser, ofSupervisor] of [
      ['neither', 0n, unread, unread],
      ['PKE', PKE, denied, unread],
      ['PKS', PKS, unread, denied],
      ['both', PKE | PKS, denied, denied],
    ] as const) {
      expect(await outcome(bits, 0n, USER), `${name}, a user page`).to.equal(ofUser);
      expect(await outcome(bits, 0n, READ), `${name}, a user page, by a supervisor`).to.equal(ofUser);
      expect(await outcome(bits, 0x2000n, READ), `${name}, a supervisor page`).to.equal(ofSupervisor);
    }
  });

  it('for no fetch, and where no page is reached', async () => {
    expect(await outcome(PKE | PKS, 0n, { ...READ, exec: true })).to.equal('mapped, 0 read');
    // Whatever else CR4 has: VME is its lowest bit.
    for (const others of [0n, 1n, 0b1111n]) {
      expect(await outcome(PKE | PKS | others, 0x3000n, READ)).to.equal('not-present, 0 read');
    }
    expect(await outcome(PKE | PKS, 1n << 50n, READ)).to.equal('non-canonical, 0 read');
  });

  it('once, for all requests, where one of them needs them', async () => {
    const cr4 = sourced(0x20n | PKE, 'gdb-stub', 'register cr4');
    let reads = 0;
    const complete = async (): Promise<Space> => {
      reads += 1;
      return made({ cr4, pkru: sourced(1, 'device-state', '') }).space;
    };
    const requests = [
      { linearAddress: 0x2000n, access: READ },
      { linearAddress: 0x3000n, access: READ },
      { linearAddress: 0x1000n, access: USER },
      { linearAddress: 0n, access: { ...READ, exec: true } },
    ];
    const { space } = made({ cr4 });
    const answers = await answerRequests(requests, { ...space, complete });
    expect(reads).to.equal(1);
    expect(
      answers.map(({ translation }) => (translation.kind === 'mapped' ? 'mapped' : translation.cause)),
    ).to.deep.equal(['mapped', 'not-present', 'privilege-violation', 'mapped']);
  });

  it('and nothing is read again for them', async () => {
    const cr4 = sourced(0x20n | PKE, 'gdb-stub', 'register cr4');
    const { space, memory } = made({ cr4 });
    const judged = { ...made({ cr4, pkru: sourced(1, 'device-state', '') }).space, memory: space.memory };
    await ask({ ...space, complete: async () => judged }, 0n);
    expect(memory.flights).to.have.length(4);
  });
});

describe('bits that requests ask for', () => {
  const ALL = { setAccessed: true, setDirty: true, forceSetAccessed: true };
  const write = { write: true, user: false, exec: false };

  it('are set in each stage, and told of by stage', async () => {
    const clear = Object.fromEntries(Object.entries(openNpt).map(([at, value]) => [at, value & ~0x60n]));
    const { space, memory } = nestedSpace(nestedVcpuStateWith(), clear);
    const requests = [{ linearAddress: twoStageLinear, access: write, flags: ALL }];
    const [answer] = await answerRequests(requests, space);
    const shown = (bits: GuestTranslation['wrote'] = []) =>
      bits.map(({ address, accessed, dirty }) => `${address.toString(16)} ${accessed ? 'A' : ''}${dirty ? 'D' : ''}`);
    expect(answer?.bitsAreSet).to.equal(true);
    expect(answer?.wrote.map(({ level }) => level)).to.deep.equal([4, 3, 2, 1]);
    const entries = Object.values(guestEntry).map((address) => Number(address));
    expect(entries.map((address) => BigInt(memory.entry(address)) & 0x60n)).to.deep.equal([0x20n, 0x20n, 0x20n, 0x60n]);
    expect(shown(answer?.wrote).map((each) => each.split(' ')[1])).to.deep.equal(['A', 'A', 'A', 'AD']);
    // Where each is, and that those of both stages are told apart.
    const ofSecond = shown(answer?.nested?.wrote);
    expect(ofSecond).to.include.members(['10000 A', '11000 A', '12000 A', '13028 AD']);
    expect(shown(answer?.wrote).some((each) => ofSecond.includes(each))).to.equal(false);
    for (const address of [0x1_0000, 0x1_1000, 0x1_2000]) expect(BigInt(memory.entry(address)) & 0x20n).to.equal(0x20n);
    expect(BigInt(memory.entry(0x1_3028)) & 0x60n).to.equal(0x60n);
  });

  it('are planned for one request and not for another', async () => {
    const cleared = { ...TABLES, '0x4000': 0x5007n, '0x4008': 0x6007n };
    const { space, memory } = nestedSpace(vcpuStateWith(), cleared);
    const answers = await answerRequests(
      [
        { linearAddress: 0n, access: write },
        { linearAddress: 0x1000n, access: write, flags: ALL },
      ],
      space,
    );
    expect(answers.map(({ wrote }) => wrote.map(({ address }) => address))).to.deep.equal([[], [0x4008n]]);
    expect(answers.map(({ bitsAreSet }) => bitsAreSet)).to.deep.equal([true, true]);
    expect([memory.entry(0x4000), memory.entry(0x4008)]).to.deep.equal(['0x5007', '0x6067']);
  });

  it('cost two flights more: entries are read again, then written and checked together', async () => {
    const { space, memory } = nestedSpace(vcpuStateWith(), { ...TABLES, '0x3000': 0x4007n, '0x4000': 0x5007n });
    await answerRequests([{ linearAddress: 0n, access: write, flags: ALL }], space);
    expect(memory.flights).to.deep.equal([
      ...[['r 0x1000+8'], ['r 0x2000+8'], ['r 0x3000+8'], ['r 0x4000+8']],
      ['r 0x3000+8', 'r 0x4000+8'],
      ['w 0x3000+1', 'w 0x4000+1', 'r 0x3000+1', 'r 0x4000+1'],
    ]);
  });

  it('are not all set where memory does not take them', async () => {
    const { space, memory } = nestedSpace(vcpuStateWith(), { ...TABLES, '0x3000': 0x4007n, '0x4000': 0x5007n });
    memory.stubborn.add(0x4000);
    const [answer] = await answerRequests([{ linearAddress: 0n, access: write, flags: ALL }], space);
    expect(answer?.bitsAreSet).to.equal(false);
    expect(answer?.wrote.map(({ address }) => address)).to.deep.equal([0x3000n]);
  });

  it('are set by no machine that none runs on', async () => {
    const { space } = made({ accelerator: notInUse(null, { code: 'no-machine' }) });
    expect((await ask({ ...space, machineContext: space.context }, 0n)).deviation).to.equal(null);
  });
});

describe('what the machine would answer otherwise', () => {
  const tcg = { accelerator: sourced('tcg' as const, 'monitor', 'query-kvm') } as const;
  const reserved = { ...TABLES, '0x4018': 0x8_0000_0000_5067n };

  it('is found of few requests and of many, each in its place', async () => {
    for (const count of [4, 16]) {
      const { space } = nestedSpace(vcpuStateWith(tcg), reserved);
      const requests = Array.from({ length: count }, (_, at) => ({
        ...{ linearAddress: BigInt(at % 4) * 0x1000n, access: READ },
      }));
      const answers = await answerRequests(requests, space);
      const machine = { accelerator: 'tcg', qemuVersion: [7, 2, 22] };
      expect(answers.map(({ deviation }) => deviation?.machine ?? null)).to.deep.equal(
        requests.map((_, at) => (at % 4 === 3 ? machine : null)),
      );
      expect(answers[3]?.deviation?.outcome).to.include({ kind: 'fault', errorCode: 8 });
      expect(answers[3]?.translation).to.include({ kind: 'fault', errorCode: 9 });
    }
  });

  it('is found where the machine goes on further, for which memory is read', async () => {
    // AMD: bit 8 of the top level is reserved, and TCG does not look at it.
    const vendor = sourced('amd' as const, 'qom', 'cpu.vendor');
    const bit8 = { ...TABLES, '0x1000': 0x2127n };
    for (const count of [1, 16]) {
      const { space } = nestedSpace(vcpuStateWith({ ...tcg, vendor }), bit8);
      const requests = Array.from({ length: count }, (_, at) => ({ linearAddress: BigInt(at), access: READ }));
      const answers = await answerRequests(requests, space);
      expect(answers.map(({ translation }) => translation.kind)).to.deep.equal(requests.map(() => 'fault'));
      expect(
        answers.map(({ deviation }) =>
          deviation?.outcome.kind === 'mapped' && 'physicalAddress' in deviation.outcome
            ? deviation.outcome.physicalAddress
            : null,
        ),
      ).to.deep.equal(requests.map((_, at) => 0x5000n + BigInt(at)));
    }
  });
});
