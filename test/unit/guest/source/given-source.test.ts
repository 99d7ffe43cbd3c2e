import { expect } from 'chai';
import {
  type GivenGuest,
  type GivenVcpu,
  GuestView,
  givenSource,
  type Region,
  type TranslateRequest,
} from '../../../../src/guest/index.ts';
import { formatDeviation } from '../../../../src/report/index.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { FakeMemory } from '../../../support/fakes/fake-memory.ts';
import { wordsOf } from '../../../support/words-of.ts';

const READ = { write: false, user: true, exec: false };
const WRITE = { write: true, user: false, exec: false };
const ALL_BITS = { setAccessed: true, setDirty: true, forceSetAccessed: false };
const NX = 1n << 63n;

/** Four tables from 0x1000 on; a page that can be written at 0x5000, and one that cannot, nor be executed, at 0x9000. */
const ENTRIES: Readonly<Record<number, bigint>> = {
  4096: 0x2007n,
  8192: 0x3007n,
  12288: 0x4007n,
  16384: 0x5007n,
  16392: NX | 0x9005n,
};
const RAM_BYTES = 0xa000;

function tables(sizeBytes = RAM_BYTES, at = 0): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  for (const [address, value] of Object.entries(ENTRIES)) view.setBigUint64(at + Number(address), value, true);
  return bytes;
}

const VCPU: GivenVcpu = {
  registers: { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n },
  features: { maxPhyAddr: 40, vendor: 'intel', pse36: true, pdpe1gb: true },
};

function guestWith(replaced: Partial<GivenGuest> = {}): GuestView {
  return new GuestView(givenSource({ vcpus: [VCPU], memory: tables(), ...replaced }));
}

/** Where it leads, or why not. */
async function ask(guest: GuestView, request: Partial<TranslateRequest> = {}, cpu = 0): Promise<string> {
  const [answer] = await guest.translate([{ linearAddress: 0x123n, access: READ, ...request }], { cpu });
  if (answer === undefined) return 'no answer';
  const { translation } = answer;
  return translation.kind === 'mapped' ? `0x${translation.physicalAddress.toString(16)}` : translation.cause;
}

describe('a guest of registers and memory that a program has', () => {
  it('is translated, mapped and searched as every other', async () => {
    const guest = guestWith();
    expect(await ask(guest)).to.equal('0x5123');
    expect(await ask(guest, { linearAddress: 0x1fffn })).to.equal('0x9fff');
    expect(await ask(guest, { linearAddress: 0x1000n, access: WRITE })).to.equal('privilege-violation');
    const many = await guest.translateMany(BigUint64Array.of(0n, 0x1008n, 0x2000n), READ, { compareMachine: true });
    expect([0, 1, 2].map((at) => many.physicalAddress(at))).to.deep.equal([0x5000n, 0x9008n, null]);
    const snapshot = await guest.snapshot();
    const ranges: string[] = [];
    snapshot.ranges(({ first, last, rights }) => {
      ranges.push(`${first.toString(16)}-${last.toString(16)} ${rights.write ? 'w' : '-'}${rights.exec ? 'x' : '-'}`);
      return true;
    });
    expect(ranges).to.deep.equal(['0-fff wx', '1000-1fff --']);
    const found: bigint[] = [];
    snapshot.aliases({ first: 0x9100n, last: 0x9200n }, ({ first }) => found.push(first) > 0);
    expect(found).to.deep.equal([0x1100n]);
  });

  it('says of every value that it came from the caller, and of each that is missing that it was assumed', async () => {
    const state = await guestWith().vcpuState();
    expect(state.cr3).to.deep.equal({ value: 0x1000n, from: 'caller', detail: 'cr3' });
    expect(state.cs.from).to.equal('assumed');
    expect(await guestWith().memoryReport()).to.deep.equal({ provider: 'caller', attempts: [] });
    const named = await guestWith({ where: 'registers.json' }).vcpuState();
    expect(wordsOf(named.cr4)).to.equal('registers.json, cr4');
    const PKE = 1n << 22n;
    const vcpus = [{ registers: { ...VCPU.registers, cr4: 0x20n | PKE }, features: { vendor: 'intel' } as const }];
    const [answer] = await guestWith({ vcpus }).translate([{ linearAddress: 0n, access: READ }]);
    expect(answer?.assumed.map(({ name, decides }) => `${name} ${decides}`).sort()).to.deep.equal([
      'maxPhyAddr false',
      'pdpe1gb false',
      'pkru true',
      'pse36 false',
    ]);
    const [known] = await guestWith().translate([{ linearAddress: 0n, access: READ }]);
    expect(known?.assumed).to.deep.equal([]);
  });

  it('says of RFLAGS, CPL and A20 that they were assumed where another value would change the answer', async () => {
    const SMAP = 1n << 21n;
    const smap = { ...VCPU, registers: { ...VCPU.registers, cr4: 0x20n | SMAP } };
    const ofKernel = { ...READ, user: false };
    const memory = tables();
    new DataView(memory.buffer).setBigUint64(0x4000, 0x10_5007n, true);
    const saidOf = async (given: Partial<GivenGuest>, access = READ): Promise<readonly string[]> => {
      const guest = guestWith(given);
      const [answer] = await guest.translate([{ linearAddress: 0n, access }]);
      const said = answer?.assumed.map(({ name, value, decides }) => `${name} ${value} ${decides}`) ?? [];
      const table = await guest.translateMany(BigUint64Array.of(0n), access);
      expect(table.assumed(0).map(({ name, value, decides }) => `${name} ${value} ${decides}`)).to.deep.equal(said);
      return said;
    };
    expect(await saidOf({ vcpus: [smap] }, ofKernel), 'AC lifts SMAP').to.deep.equal(['rflags 2 true']);
    const given = { ...smap, registers: { ...smap.registers, rflags: 2n } };
    expect(await saidOf({ vcpus: [given] }, ofKernel)).to.deep.equal([]);
    expect(await saidOf({ memory }), 'a page in an odd megabyte').to.deep.equal(['a20 true true']);
    expect((await guestWith().snapshot()).assumed.map(({ name }) => name)).to.deep.equal(['a20']);
  });

  it('has no machine that would answer otherwise, unless one is named', async () => {
    const reserved = { ...VCPU, features: { ...VCPU.features, maxPhyAddr: 36 } };
    const memory = tables();
    new DataView(memory.buffer).setBigUint64(0x4000, 0x80_0000_5007n, true);
    const deviation = async (vcpu: GivenVcpu) => {
      const [answer] = await guestWith({ vcpus: [vcpu], memory }).translate([{ linearAddress: 0n, access: READ }]);
      return answer?.deviation && formatDeviation(answer.deviation);
    };
    expect(await deviation(reserved)).to.equal(null);
    expect(await deviation({ ...reserved, machine: { accelerator: 'tcg', qemuVersion: [7, 2, 0] } })).to.match(
      /^QEMU 7\.2\.0's TCG raises #PF with error code 0xc/,
    );
  });

  it('has accessed and dirty bits set in bytes and by a writer, and nowhere else', async () => {
    const bytes = tables();
    const request = { linearAddress: 0n, access: WRITE, flags: ALL_BITS };
    const [answer] = await guestWith({ memory: bytes }).translate([request]);
    expect(answer?.wrote).to.have.lengthOf(4);
    expect(new DataView(bytes.buffer).getBigUint64(0x4000, true)).to.equal(0x5067n);
    const regions: readonly Region[] = [
      { kind: 'ram', name: 'ram', first: 0n, last: BigInt(RAM_BYTES - 1), offset: 0n },
    ];
    const fake = new FakeMemory(RAM_BYTES);
    fake.bytes.set(tables());
    expect((await guestWith({ memory: fake, regions }).translate([request]))[0]?.bitsAreSet).to.equal(true);
    expect(fake.entry(0x4000)).to.equal('0x5067');
    const readOnly = { read: (pieces: Parameters<FakeMemory['read']>[0]) => fake.read(pieces) };
    fake.bytes.set(tables());
    const error = await expectRejection(guestWith({ memory: readOnly, regions }).translate([request]));
    expect(error).to.have.property('code', 'ERR_GUEST_USAGE');
    expect(fake.entry(0x4000)).to.equal('0x5007');
  });

  it('has regions anywhere in its bytes, and reads nothing but RAM and ROM', async () => {
    const regions: readonly Region[] = [
      { kind: 'ram', name: 'low', first: 0n, last: 0x5fffn, offset: 0x1000n },
      { kind: 'device', name: 'bar', first: 0x8000n, last: 0x9fffn, offset: 0x10_0000n },
    ];
    const guest = guestWith({ memory: tables(0x7000, 0x1000), regions });
    expect(await ask(guest)).to.equal('0x5123');
    const [answer] = await guest.translate([{ linearAddress: 0x1000n, access: READ }]);
    expect(answer?.region).to.include({ kind: 'device', name: 'bar' });
    const lost = [{ registers: { ...VCPU.registers, cr3: 0x8000n } }];
    expect(await ask(guestWith({ memory: tables(0x7000, 0x1000), regions, vcpus: lost }))).to.equal('unbacked-table');
  });

  it('may run a nested guest, and is refused no question for want of a monitor', async () => {
    // The second stage maps two megabytes to themselves.
    const bytes = tables();
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0x6000, 0x7007n, true);
    view.setBigUint64(0x7000, 0x8007n, true);
    view.setBigUint64(0x8000, 0x87n, true);
    const nested = {
      kind: 'npt',
      registers: { cr0: 0x8001_0011n, nestedCr3: 0x6000n, cr4: 0x20n, efer: 0xd00n },
    } as const;
    const guest = guestWith({ memory: bytes, vcpus: [{ ...VCPU, features: { vendor: 'amd' }, nested }] });
    const [answer] = await guest.translate([{ linearAddress: 0x1008n, access: READ }]);
    expect(answer?.nested?.translation).to.deep.include({ kind: 'mapped', l1PhysicalAddress: 0x9008n });
    expect(await guest.memoryTypes()).to.include({ from: 'assumed' });
    expect(await guest.keep([BigUint64Array.of(0n)], READ), 'nothing waits for the answers').to.equal(null);
    const svme = { registers: { ...VCPU.registers, efer: 0x1d00n } };
    const [unsure] = await guestWith({ vcpus: [svme] }).translate([{ linearAddress: 0n, access: READ }]);
    expect(unsure?.assumed.find(({ name }) => name === 'nested')).to.include({ decides: true });
  });

  it('has the vCPUs that were given', async () => {
    const other = { ...VCPU, registers: { ...VCPU.registers, cr3: 0x2000n } };
    const guest = guestWith({ vcpus: [VCPU, other] });
    expect(await ask(guest, { linearAddress: 0n }, 1), 'by its own CR3').to.equal('not-present');
    expect(await expectRejection(guest.vcpuState(2))).to.deep.include({ code: 'ERR_GUEST_CPU', cpus: [0, 1] });
  });

  it('is refused where memory and regions do not fit', () => {
    const ram = (first: bigint, last: bigint, offset: bigint): Region => ({
      kind: 'ram',
      name: 'ram',
      first,
      last,
      offset,
    });
    for (const [regions, problem] of [
      [[ram(0n, 0xa000n, 0n)], 'from byte 0 on, and there are 40960'],
      [[ram(0n, 0xfffn, -1n)], 'from byte -1 on'],
      [[ram(0x1000n, 0x1fffn, 0n), ram(0n, 0xfffn, 0n)], 'does not come after the one before it'],
    ] as const) {
      expect(() => guestWith({ regions }))
        .to.throw(problem)
        .with.property('code', 'ERR_GUEST_USAGE');
    }
    expect(() => guestWith({ memory: new FakeMemory(1) }))
      .to.throw('needs regions')
      .with.property('code', 'ERR_GUEST_USAGE');
  });
});
