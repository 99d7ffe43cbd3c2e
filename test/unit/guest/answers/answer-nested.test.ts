import { expect } from 'chai';
import { answerRequests } from '../../../../src/guest/answers/answer-requests.ts';
import type { GuestTranslation } from '../../../../src/guest/answers/guest-translation.ts';
import { assumed, sourced } from '../../../../src/guest/vcpu/sourced.ts';
import type { VcpuState } from '../../../../src/guest/vcpu/vcpu-state.ts';
import { type Access, TCG } from '../../../../src/paging/index.ts';
import { formatDeviation, formatReason } from '../../../../src/report/index.ts';
import {
  guestEntry,
  nestedEntry,
  openEpt,
  openNpt,
  twoStageLinear,
} from '../../../support/builders/hand-made-stages.ts';
import { HAND_MADE_HOST, nestedSpace, nestedVcpuStateWith } from '../../../support/builders/nested-space.ts';
import { hex } from '../../../support/judge/describe-translation.ts';

const READ: Access = { write: false, user: false, exec: false };

type Entries = Readonly<Record<string, bigint>>;

async function ask(
  state: VcpuState,
  changes: Entries = {},
  linearAddress = twoStageLinear,
  access = READ,
): Promise<GuestTranslation> {
  const { space } = nestedSpace(state, { ...openNpt, ...changes });
  const [answer] = await answerRequests([{ linearAddress, access }], space);
  if (answer === undefined) throw new Error('there is no answer');
  return answer;
}

describe('answers about a nested guest (L2)', () => {
  it('are the same of many, which are read in whole pages, as of few', async () => {
    const accesses = [READ, { ...READ, exec: true }, { ...READ, user: true }, { ...READ, write: true }];
    const addresses = [twoStageLinear, twoStageLinear + 0x1000n, 0n, 1n << 50n, twoStageLinear + 1n];
    const requests = addresses.flatMap((linearAddress) => accesses.map((access) => ({ linearAddress, access })));
    const changes = { ...openNpt, [nestedEntry.ofData]: 0x2_5005n, '0x24c50': 0x9067n };
    const { space, memory } = nestedSpace(nestedVcpuStateWith(), changes);
    const many = await answerRequests(requests, space);
    const pages = new Set(memory.flights.flat().map((read) => read.slice(0, -'000+4096'.length)));
    // Four tables of each stage; each page once.
    expect([...pages].sort()).to.deep.equal(
      ['10', '11', '12', '13', '21', '22', '23', '24'].map((page) => `r 0x${page}`),
    );
    expect(memory.flights.flat()).to.have.length(8);
    const few = await Promise.all(
      requests.map((request) => answerRequests([request], nestedSpace(nestedVcpuStateWith(), changes).space)),
    );
    expect(many).to.deep.equal(few.flat());
    expect(
      new Set(many.map(({ translation }) => (translation.kind === 'fault' ? translation.cause : 'mapped'))),
    ).to.have.all.keys('mapped', 'unbacked-table', 'not-present', 'non-canonical');
  });

  it('read protection keys only where a walk may have come to where they judge', async () => {
    const PKE = 1n << 22n;
    const inForce = { cr4: sourced(0x20n | PKE, 'gdb-stub', 'register cr4') };
    const askWithKeys = async (access: Access, changes: Entries = {}): Promise<string> => {
      let reads = 0;
      const { space: quick } = nestedSpace(nestedVcpuStateWith(inForce), { ...openNpt, ...changes });
      const denied = nestedVcpuStateWith({ ...inForce, pkru: sourced(1, 'device-state', 'cpu/pkru') });
      const complete = async () => {
        reads += 1;
        return { ...nestedSpace(denied, { ...openNpt, ...changes }).space };
      };
      const [answer] = await answerRequests([{ linearAddress: twoStageLinear, access }], { ...quick, complete });
      const { kind } = answer?.nested?.translation ?? {};
      return `${kind}, ${reads} read`;
    };
    expect(await askWithKeys(READ), 'PKRU denies key 0').to.equal('guest-fault, 1 read');
    expect(await askWithKeys({ ...READ, exec: true }), 'fetches have no keys').to.equal('mapped, 0 read');
    expect(await askWithKeys(READ, { [guestEntry.pte]: 0n }), 'no page').to.equal('guest-fault, 0 read');
    expect(await askWithKeys(READ, { [guestEntry.pte]: 0x5063n }), 'a supervisor page').to.equal('mapped, 0 read');
    expect(await askWithKeys(READ, { [nestedEntry.ofData]: 0n }), 'denied before L1 is asked').to.equal(
      'guest-fault, 1 read',
    );
  });

  describe('that the second stage refuses', () => {
    const fault = async (changes: Entries) => {
      const { translation } = await ask(nestedVcpuStateWith(), changes);
      return translation.kind === 'fault' ? translation : undefined;
    };

    it('is no exception of the guest, and blames no entry for the page', async () => {
      const page = await fault({ [nestedEntry.ofData]: 0n });
      expect(page).to.include({ cause: 'unbacked-table', vector: null, errorCode: null, responsible: null });
      expect(page && formatReason(page.reason)).to.equal('the page at L2 physical 0x5abc: the NPT PTE is not present');
    });

    it('blames the entry of the guest that was kept from it', async () => {
      const table = await fault({ [nestedEntry.ofPd]: 0n });
      expect(table).to.include({ vector: null, errorCode: null });
      expect(table?.responsible).to.deep.equal({ level: 2, address: 0x3598n });
    });

    it('blames the entry of the guest that was read, and may not be written back to', async () => {
      const nested = sourced({ kind: 'ept', eptp: 0x1_001en } as const, 'given', 'the request');
      const changes = { ...openEpt, [guestEntry.pde]: 0x4007n, [nestedEntry.ofPd]: 0x2_3035n };
      const { translation } = await ask(nestedVcpuStateWith({ nested }), changes);
      expect(translation).to.deep.include({ cause: 'unbacked-table', responsible: { level: 2, address: 0x3598n } });
      expect(translation.steps).to.have.length(3);
    });

    it('is an exception where its own tables refuse', async () => {
      expect(await fault({ [guestEntry.pte]: 0n })).to.include({ vector: 14, errorCode: 0 });
    });
  });

  describe('has the address that the first stage looks up, without a tag', () => {
    const tagged = twoStageLinear | 0x5a00_0000_0000_0000n;
    const lamU57 = 1n << 61n;
    const uaie = 1n << 20n;
    const masking: Readonly<Record<string, Partial<VcpuState>>> = {
      LAM: {
        vendor: sourced('intel', 'qom', 'cpu.vendor'),
        cr3: sourced(0x1000n | lamU57, 'gdb-stub', 'register cr3'),
      },
      UAI: { efer: sourced(0xd00n | uaie, 'gdb-stub', 'register efer') },
    };
    const endings: Readonly<Record<string, Entries>> = {
      'where both stages lead somewhere': {},
      'where the second stage has not the page': { [nestedEntry.ofData]: 0n },
      'where the second stage has not the root': { [nestedEntry.ofPml4]: 0n },
      'where the guest has not the page': { '0x24c48': 0n },
    };
    for (const [name, replaced] of Object.entries(masking)) {
      for (const [ending, changes] of Object.entries(endings)) {
        it(`${name}, ${ending}`, async () => {
          const { translation } = await ask(nestedVcpuStateWith(replaced), changes, tagged);
          expect(hex(translation.linearAddress)).to.equal(hex(tagged));
          expect(hex(translation.untaggedAddress)).to.equal(hex(twoStageLinear));
        });
      }
    }

    it('and with it where nothing takes it off', async () => {
      const off = 0x1_2345n;
      const paging = { cr0: sourced(0x11n, 'gdb-stub', 'register cr0') };
      const { translation } = await ask(nestedVcpuStateWith(paging), {}, off);
      expect(translation.kind).to.equal('fault');
      expect(hex(translation.untaggedAddress)).to.equal(hex(off));
    });
  });

  describe('says where the machine would answer otherwise', () => {
    const reserved = 1n << 51n;
    const bit8 = 0x100n;
    const told = ({ deviation }: GuestTranslation) => deviation && formatDeviation(deviation);
    const deviationOf = async (...question: Parameters<typeof ask>) => told(await ask(...question));
    const fetch = { ...READ, exec: true };

    it('nothing where it would not, and reads nothing for it', async () => {
      const { space, memory } = nestedSpace(nestedVcpuStateWith(), openNpt);
      const [answer] = await answerRequests([{ linearAddress: twoStageLinear, access: READ }], space);
      expect(answer?.deviation).to.equal(null);
      // Four entries of the guest behind four nested ones each, then the page's four.
      expect(memory.flights).to.have.length(4 * 5 + 4);
    });

    it('nothing where the guest or the second stage refuses in the same way', async () => {
      expect(await deviationOf(nestedVcpuStateWith(), { [guestEntry.pte]: 0n })).to.equal(null);
      expect(await deviationOf(nestedVcpuStateWith(), { [nestedEntry.ofPd]: 0n })).to.equal(null);
      expect(await deviationOf(nestedVcpuStateWith(), { [nestedEntry.ofData]: 0x2_5003n })).to.equal(null);
    });

    it('a reserved bit in the guest, which TCG reports without P', async () => {
      const answer = await ask(nestedVcpuStateWith(), { [guestEntry.pte]: 0x5067n | reserved });
      expect(answer.translation).to.include({ kind: 'fault', errorCode: 9 });
      expect(told(answer)).to.match(/^QEMU 7\.2\.22's TCG raises #PF with error code 0x8 \(reserved bit 51 /);
    });

    it('a reserved bit in the second stage, of the page and of a table', async () => {
      const page = await ask(nestedVcpuStateWith(), { [nestedEntry.ofData]: 0x2_5007n | reserved });
      expect(page.nested?.translation).to.include({ kind: 'nested-fault', exitInfo1: 0x1_0000_000dn });
      expect(told(page)).to.match(
        /^QEMU 7\.2\.22's TCG exits with #NPF, EXITINFO1 0x10000000c, EXITINFO2 0x5abc \(the page at L2 physical /,
      );
      const table = await deviationOf(nestedVcpuStateWith(), { [nestedEntry.ofPd]: 0x2_3007n | reserved });
      expect(table).to.match(/ exits with #NPF, EXITINFO1 0x20000000e, EXITINFO2 0x3598 \(the guest's PDE /);
    });

    it("bit 8 of AMD's top level, in either stage: TCG goes on, and so do the reads", async () => {
      const mapped = "QEMU 7.2.22's TCG maps it to L2 physical 0x5abc, L1 physical 0x25abc";
      for (const changes of [{ [guestEntry.pml4e]: 0x2027n | bit8 }, { [nestedEntry.pml4e]: 0x1_1007n | bit8 }]) {
        const answer = await ask(nestedVcpuStateWith(), changes);
        expect(answer.translation.kind).to.equal('fault');
        expect(told(answer)).to.equal(mapped);
      }
      const intel = nestedVcpuStateWith({ vendor: sourced('intel', 'qom', 'cpu.vendor') });
      expect(await deviationOf(intel, { [guestEntry.pml4e]: 0x2027n | bit8 })).to.equal(null);
    });

    it('a hypervisor without PAE, whose nested tables TCG does not walk', async () => {
      const host = { ...HAND_MADE_HOST, cr4: 0x10n, efer: 0n };
      const own = { '0x1120': 0x2027n, '0x2688': 0x3027n, '0x3598': 0x4027n, '0x4c48': 0x5067n };
      const answer = await ask(nestedVcpuStateWith({}, host), own);
      expect(answer.nested?.translation).to.include({ kind: 'nested-fault', cause: 'not-present' });
      expect(told(answer)).to.equal("QEMU 7.2.22's TCG maps it to L2 physical 0x5abc, L1 physical 0x5abc");
      const before = nestedVcpuStateWith({ qemuVersion: [7, 2, 14] }, host);
      expect(await deviationOf(before, own), 'it did before 7.2.15').to.equal(null);
    });

    it('a fetch that a hypervisor with SMEP and without NXE is told of', async () => {
      const host = { ...HAND_MADE_HOST, cr4: 0x10_0020n, efer: 0x500n };
      const answer = await ask(nestedVcpuStateWith({}, host), { [nestedEntry.ofData]: 0n }, twoStageLinear, fetch);
      expect(answer.nested?.translation).to.include({ exitInfo1: 0x1_0000_0014n });
      expect(told(answer)).to.match(/ exits with #NPF, EXITINFO1 0x100000004, EXITINFO2 0x5abc /);
    });

    it('KVM, which leaves the check of canonical addresses to others', async () => {
      const kvm = nestedVcpuStateWith({ accelerator: sourced('kvm', 'monitor', 'query-kvm') });
      const answer = await ask(kvm, {}, twoStageLinear | (1n << 60n));
      expect(answer.translation).to.include({ kind: 'fault', cause: 'non-canonical' });
      expect(told(answer)).to.equal("KVM's walker maps it to L2 physical 0x5abc, L1 physical 0x25abc");
    });

    it('the first stage before EPT, whose own entries all machines read alike', async () => {
      const stage = { kind: 'ept', eptp: 0x1_001en } as const;
      const ept = nestedVcpuStateWith({ nested: sourced(stage, 'given', 'the request') });
      expect(await deviationOf(ept, openEpt)).to.equal(null);
      expect(await deviationOf(ept, { ...openEpt, [guestEntry.pml4e]: 0x2027n | bit8 })).to.match(
        / maps it to L2 physical 0x5abc, L1 physical 0x25abc$/,
      );
      const writeOnly = { ...openEpt, [nestedEntry.ofData]: 0x2_5032n };
      expect(await deviationOf(ept, writeOnly)).to.equal(null);
      expect(await deviationOf(ept, { ...writeOnly, [guestEntry.pml4e]: 0x2027n | bit8 })).to.match(
        / exits with an EPT misconfiguration \(the page at L2 physical 0x5abc: /,
      );
      const hidden = { ...openEpt, [nestedEntry.ofData]: 0x2_5034n, [guestEntry.pml4e]: 0x2027n | bit8 };
      expect(await deviationOf(ept, hidden)).to.match(/ exits with an EPT violation, qualification 0x1a1 \(/);
      // The page table for L2 physical 0x400000 ff. is in no memory, and no manual says what is read there.
      const elsewhere = { ...openEpt, '0x12010': 0x20_0407n, [guestEntry.pte]: 0x40_5067n };
      expect(await deviationOf(ept, { ...elsewhere, [guestEntry.pml4e]: 0x2027n | bit8 })).to.match(
        / goes no further \(the page at L2 physical 0x405abc: the EPT PTE is in no memory\)$/,
      );
    });

    it('nothing of tables that no memory holds', async () => {
      for (const changes of [{ [nestedEntry.ofPd]: 0x20_0007n }, { [nestedEntry.pde]: 0x20_0007n }]) {
        const answer = await ask(nestedVcpuStateWith(), changes);
        expect(answer.nested?.translation).to.include({ kind: 'nested-fault', cause: 'unbacked-table' });
        expect(answer.deviation).to.equal(null);
      }
    });

    it('nothing where the answer is that machine’s own', async () => {
      const profile = sourced(TCG, 'given', 'tcg');
      for (const changes of [
        { [guestEntry.pte]: 0x5067n | reserved },
        { [nestedEntry.ofData]: 0x2_5007n | reserved },
        { [nestedEntry.pml4e]: 0x1_1007n | bit8 },
      ]) {
        expect(await deviationOf(nestedVcpuStateWith({ profile }), changes)).to.equal(null);
      }
    });
  });

  describe('says what it rests on, in either stage', () => {
    const maxPhyAddr = assumed(52, { code: 'no-qom-path' });
    const says = (decides: boolean) => [{ name: 'maxPhyAddr', value: 52, cause: { code: 'no-qom-path' }, decides }];

    it('where it does not matter', async () => {
      const { assumed } = await ask(nestedVcpuStateWith({ maxPhyAddr }));
      expect(assumed).to.deep.equal(says(false));
    });

    it('where an entry of the second stage has a bit that may be reserved', async () => {
      const { assumed } = await ask(nestedVcpuStateWith({ maxPhyAddr }), {
        [nestedEntry.ofData]: 0x80_0002_5007n,
      });
      expect(assumed).to.deep.equal(says(true));
    });

    it('where a table is in no memory', async () => {
      const { assumed } = await ask(nestedVcpuStateWith({ maxPhyAddr }), { [nestedEntry.ofPd]: 0x2_f007n });
      expect(assumed).to.deep.equal(says(false));
      const beyond = await ask(nestedVcpuStateWith({ maxPhyAddr }), { [nestedEntry.ofPd]: 0x3_f007n });
      expect(beyond.assumed).to.deep.equal(says(false));
    });

    it('where an EPT pointer would be none', async () => {
      const nested = sourced({ kind: 'ept', eptp: 0x80_0001_001en } as const, 'given', 'the request');
      const { assumed } = await ask(nestedVcpuStateWith({ maxPhyAddr, nested }), openEpt);
      expect(assumed).to.deep.equal(says(true));
    });
  });
});
