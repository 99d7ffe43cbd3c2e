import { expect } from 'chai';
import {
  eptOf,
  guestEntry,
  nestedEntry,
  nptOf,
  openEpt,
  openNpt,
  stages,
  twoStageLinear,
} from '../../support/builders/hand-made-stages.ts';
import { describeNestedPlan } from '../../support/judge/describe-nested-translation.ts';
import { formatNestedVerdict } from '../../support/judge/format-nested-verdict.ts';
import { referenceEptpProblem } from '../../support/reference/reference-ept.ts';
import { accessOf, controlBits, type MachineChanges, machineIn } from '../../support/reference/reference-machine.ts';
import { referenceNestedPlan } from '../../support/reference/reference-nested-plan.ts';
import type { ReferenceEpt, ReferenceNpt } from '../../support/reference/reference-nested-translation.ts';
import { referenceTranslateNested } from '../../support/reference/reference-nested-walker.ts';

const { smep, cet } = controlBits.cr4;
const xd = 1n << 63n;
const shadowStackBit = 1n << 60n;
const pagingWriteBit = 1n << 58n;

type Entries = Readonly<Record<string, bigint>>;

function underNpt(access: string, entries: Entries = {}, npt: ReferenceNpt = nptOf(), changes: MachineChanges = {}) {
  const guest = machineIn('4-level', { vendor: 'amd', ...changes });
  const memory = stages(openNpt, entries);
  return formatNestedVerdict(referenceTranslateNested(guest, npt, memory, twoStageLinear, accessOf(access)));
}

function underEpt(access: string, entries: Entries = {}, ept: ReferenceEpt = eptOf(), changes: MachineChanges = {}) {
  const guest = machineIn('4-level', changes);
  const memory = stages(openEpt, entries);
  return formatNestedVerdict(referenceTranslateNested(guest, ept, memory, twoStageLinear, accessOf(access)));
}

function plan(access: string, table: Entries, nested: ReferenceNpt | ReferenceEpt): string {
  const guest = machineIn('4-level');
  const translation = referenceTranslateNested(guest, nested, stages(table), twoStageLinear, accessOf(access));
  return describeNestedPlan(referenceNestedPlan(translation, guest, nested, accessOf(access)));
}

/** EPTP with accessed and dirty flags on. */
const flagged = 0x1_005en;

describe('referenceTranslateNested', () => {
  describe("through AMD's nested tables", () => {
    it('finds data, and says the smaller page', () => {
      expect(underNpt('uw')).to.equal('0x5abc 0x25abc 4096');
      // A nested page of 2 MiB at 0, and the guest's tables where they then lie.
      const moved = { '0x1120': 0x2027n, '0x2688': 0x3027n, '0x3598': 0x4027n, '0x4c48': 0x5067n };
      expect(underNpt('uw', { ...moved, [nestedEntry.pde]: 0x87n })).to.equal('0x5abc 0x5abc 4096');
      const large = { ...moved, [nestedEntry.pde]: 0x87n, '0x3598': 0x00e7n };
      expect(underNpt('uw', large)).to.equal('0x189abc 0x189abc 2097152');
    });

    it('goes through a fifth level', () => {
      expect(underNpt('uw', {}, nptOf({ cr3: 0x1_4000n }, '5-level'))).to.equal('0x5abc 0x25abc 4096');
    });

    it('writes to the tables of the guest, whatever the access', () => {
      // KVM's own tests expect these two numbers: a read-only table, and a table that is not there.
      expect(underNpt('x', { [nestedEntry.ofPt]: 0x2_4005n })).to.equal(
        'table 0x4c48 privilege-violation 200000007 1:0x13020',
      );
      expect(underNpt('x', { [nestedEntry.ofPt]: 0n })).to.equal('table 0x4c48 not-present 200000006 1:0x13020');
      expect(underNpt('', { [nestedEntry.pdpte]: 0n })).to.equal('table 0x1120 not-present 200000006 3:0x11000');
      expect(underNpt('', { [nestedEntry.ofPd]: 0x2_3007n | (1n << 45n) })).to.equal(
        'table 0x3598 reserved-bits 20000000f 1:0x13018',
      );
      expect(underNpt('', { [nestedEntry.ofPd]: 0x2_3007n | xd })).to.equal('0x5abc 0x25abc 4096');
    });

    it('judges data by the access itself, as a user', () => {
      expect(underNpt('x', { [nestedEntry.ofData]: 0x2_5007n | xd })).to.equal(
        'final 0x5abc privilege-violation 100000015 1:0x13028',
      );
      expect(underNpt('', { [nestedEntry.ofData]: 0n })).to.equal('final 0x5abc not-present 100000004 1:0x13028');
      expect(underNpt('', { [nestedEntry.ofData]: 0x2_5003n })).to.equal(
        'final 0x5abc privilege-violation 100000005 1:0x13028',
      );
      expect(underNpt('w', { [nestedEntry.ofData]: 0x2_5005n }, nptOf({ wp: false }))).to.equal(
        'final 0x5abc privilege-violation 100000007 1:0x13028',
      );
      expect(underNpt('', { [nestedEntry.ofData]: 0x2_5005n })).to.equal('0x5abc 0x25abc 4096');
    });

    it("says fetch by the host's NXE or SMEP, and keeps the guest's out of it", () => {
      const gone = { [nestedEntry.ofData]: 0n };
      expect(underNpt('x', gone, nptOf({ nxe: false }))).to.equal('final 0x5abc not-present 100000004 1:0x13028');
      expect(underNpt('x', gone, nptOf({ nxe: false, cr4: smep }))).to.equal(
        'final 0x5abc not-present 100000014 1:0x13028',
      );
      expect(underNpt('x', gone, nptOf(), { nxe: false })).to.equal('final 0x5abc not-present 100000014 1:0x13028');
      expect(underNpt('x', {}, nptOf({ cr4: smep }))).to.equal('0x5abc 0x25abc 4096');
    });

    it("lets the guest's own faults come first, each where its walk has got to", () => {
      expect(underNpt('w', { [guestEntry.pde]: 0n, [nestedEntry.ofData]: 0n })).to.equal(
        'guest not-present 2 2:0x3598',
      );
      expect(underNpt('w', { [guestEntry.pte]: 0x5065n, [nestedEntry.ofData]: 0n })).to.equal(
        'guest privilege-violation 3 1:0x4c48',
      );
      expect(underNpt('w', { [guestEntry.pte]: 0x5065n, [nestedEntry.ofPt]: 0n })).to.equal(
        'table 0x4c48 not-present 200000006 1:0x13020',
      );
    });

    it('says which memory is missing: of a nested table, or of a table of the guest', () => {
      expect(underNpt('', {}, nptOf({ cr3: 0x20_0000n }))).to.equal('table 0x1120 unbacked-table - 4:0x200000');
      expect(underNpt('', { [nestedEntry.ofPd]: 0x20_0007n })).to.equal('table 0x3598 unbacked-table -');
      expect(underNpt('', { [nestedEntry.ofData]: 0x20_0007n })).to.equal('0x5abc 0x200abc 4096');
    });

    it('maps nothing above the bits that its tables look up, and everything below', () => {
      const high = { [guestEntry.pte]: 0x1_0000_0000_5067n };
      expect(underNpt('w', high, nptOf(), { maxPhyAddr: 52 })).to.equal('final 0x1000000005abc not-present 100000006');
      // PML4 index 256: bit 47 of a guest-physical address is no sign.
      const upper = { [guestEntry.pte]: 0x8000_0000_5067n, '0x10800': 0x1_1007n };
      expect(underNpt('w', upper, nptOf(), { maxPhyAddr: 52 })).to.equal('0x800000005abc 0x25abc 4096');
    });

    it('marks shadow-stack accesses to data', () => {
      const shadow = { [guestEntry.pte]: 0x5065n, [nestedEntry.ofData]: 0n };
      expect(underNpt('ku', shadow, nptOf(), { cr4: cet })).to.equal('final 0x5abc not-present 100000044 1:0x13028');
    });
  });

  describe('through extended page tables', () => {
    it('finds data, with four levels and with five', () => {
      expect(underEpt('uw')).to.equal('0x5abc 0x25abc 4096');
      expect(underEpt('uw', {}, eptOf({}, 0x1_4026n))).to.equal('0x5abc 0x25abc 4096');
    });

    it('reads the tables of the guest, and writes to them with accessed and dirty flags', () => {
      const gone = { [nestedEntry.ofPt]: 0n };
      expect(underEpt('w', gone)).to.equal('table 0x4c48 not-present 81 1:0x13020');
      expect(underEpt('w', gone, eptOf({}, flagged))).to.equal('table 0x4c48 not-present 83 1:0x13020');
      const readOnly = { [nestedEntry.ofPt]: 0x2_4031n };
      expect(underEpt('w', readOnly)).to.equal('0x5abc 0x25abc 4096');
      expect(underEpt('w', readOnly, eptOf({}, flagged))).to.equal('table 0x4c48 privilege-violation 8b 1:0x13020');
    });

    it('writes to a table of the guest where A or D is missing', () => {
      const readOnly = { [nestedEntry.ofPt]: 0x2_4031n };
      for (const [access, pte, expected] of [
        ['', 0x5007n, 'table 0x4c48 privilege-violation 8b 1:0x13020'],
        ['x', 0x5007n, 'table 0x4c48 privilege-violation 8b 1:0x13020'],
        ['', 0x5027n, '0x5abc 0x25abc 4096'],
        ['w', 0x5027n, 'table 0x4c48 privilege-violation 8b 1:0x13020'],
        ['w', 0x5067n, '0x5abc 0x25abc 4096'],
      ] as const) {
        expect(underEpt(access, { ...readOnly, [guestEntry.pte]: pte }), `${access} ${pte}`).to.equal(expected);
      }
    });

    it('gives the rights that all entries agree on, and what the guest makes of the address', () => {
      const readOnly = { [nestedEntry.ofData]: 0x2_5031n };
      // Write, readable, linear address valid, data; user, writable, executable: 0x2 | 0x8 | 0x180 | 0x600.
      expect(underEpt('w', readOnly)).to.equal('final 0x5abc privilege-violation 78a 1:0x13028');
      expect(underEpt('w', { ...readOnly, [nestedEntry.pde]: 0x1_3003n })).to.equal(
        'final 0x5abc privilege-violation 78a 1:0x13028',
      );
      expect(underEpt('x', { [nestedEntry.ofData]: 0x2_5033n, [guestEntry.pte]: 0x5061n })).to.equal(
        'final 0x5abc privilege-violation 19c 1:0x13028',
      );
      expect(underEpt('', { [nestedEntry.ofData]: 0n, [guestEntry.pte]: 0x5061n | xd })).to.equal(
        'final 0x5abc not-present 981 1:0x13028',
      );
      expect(underEpt('', { [nestedEntry.ofData]: 0x2_5034n })).to.equal(
        'final 0x5abc privilege-violation 7a1 1:0x13028',
      );
    });

    it('blames the topmost entry that takes the right away', () => {
      const readOnly = { [nestedEntry.ofData]: 0x2_5031n, [nestedEntry.pdpte]: 0x1_2005n };
      expect(underEpt('w', readOnly)).to.equal('final 0x5abc privilege-violation 78a 3:0x11000');
    });

    it("asks for a user's right to execute, and says so, where the guest has no paging", () => {
      const ept = eptOf({ modeBasedExecute: true });
      const verdict = (access: string, entries: Entries) => {
        const guest = machineIn('off');
        return formatNestedVerdict(
          referenceTranslateNested(guest, ept, stages(openEpt, entries), 0x5abcn, accessOf(access)),
        );
      };
      expect(verdict('x', { [nestedEntry.ofData]: 0x2_5433n })).to.equal('0x5abc 0x25abc 4096');
      expect(verdict('x', { [nestedEntry.ofData]: 0x2_5037n })).to.equal(
        'final 0x5abc privilege-violation 7bc 1:0x13028',
      );
      expect(verdict('', { [nestedEntry.ofData]: 0n })).to.equal('final 0x5abc not-present 781 1:0x13028');
    });

    it('lets a misconfiguration outrank a right that is missing above it', () => {
      const entries = { [nestedEntry.pdpte]: 0x1_2005n, [nestedEntry.ofData]: 0x2_5032n };
      expect(underEpt('w', entries)).to.equal('final 0x5abc misconfiguration - 1:0x13028');
      expect(underEpt('w', { [nestedEntry.pde]: 0x1_300fn })).to.equal('table 0x1120 misconfiguration - 2:0x12000');
      expect(underEpt('', { [nestedEntry.ofData]: 0x2_503cn }, eptOf({ executeOnly: false }))).to.equal(
        'final 0x5abc misconfiguration - 1:0x13028',
      );
    });

    it('asks the right bit to execute, by whose address it is', () => {
      const modes = eptOf({ modeBasedExecute: true });
      const userOnly = { [nestedEntry.ofData]: 0x2_5433n };
      const supervisorOnly = { [nestedEntry.ofData]: 0x2_5037n };
      const supervisorPage = { [guestEntry.pte]: 0x5063n };
      expect(underEpt('xu', userOnly, modes)).to.equal('0x5abc 0x25abc 4096');
      // Not by the privilege level: the supervisor fetches from a user's page.
      expect(underEpt('x', userOnly, modes)).to.equal('0x5abc 0x25abc 4096');
      expect(underEpt('x', { ...userOnly, ...supervisorPage }, modes)).to.equal(
        'final 0x5abc privilege-violation 5dc 1:0x13028',
      );
      expect(underEpt('x', supervisorOnly, modes)).to.equal('final 0x5abc privilege-violation 7bc 1:0x13028');
      expect(underEpt('x', { ...supervisorOnly, ...supervisorPage }, modes)).to.equal('0x5abc 0x25abc 4096');
      // Bit 10 alone is present with the control, and execute-only.
      const bare = { [nestedEntry.ofData]: 0x2_5430n };
      expect(underEpt('xu', bare, modes)).to.equal('0x5abc 0x25abc 4096');
      expect(underEpt('xu', bare)).to.equal('final 0x5abc not-present 784 1:0x13028');
    });

    it('keeps shadow stacks of the supervisor to the pages that bit 60 names', () => {
      const stack = { [guestEntry.pte]: 0x5061n };
      const marking = eptOf({ supervisorShadowStack: true }, 0x1_009en);
      const marked = { ...stack, [nestedEntry.ofData]: 0x2_5035n | shadowStackBit };
      expect(underEpt('wk', marked, marking, { cr4: cet })).to.equal('0x5abc 0x25abc 4096');
      expect(underEpt('wk', stack, marking, { cr4: cet })).to.equal('final 0x5abc privilege-violation 21ba 1:0x13028');
      expect(underEpt('wk', stack, eptOf(), { cr4: cet })).to.equal('0x5abc 0x25abc 4096');
      // Every entry above the leaf has to allow writing.
      const above = { ...marked, [nestedEntry.pde]: 0x1_3405n };
      expect(underEpt('wk', above, marking, { cr4: cet })).to.equal('final 0x5abc privilege-violation 61aa 2:0x12000');
      const plain = { ...marked, [guestEntry.pte]: 0x5067n };
      expect(underEpt('w', plain, marking)).to.equal('final 0x5abc privilege-violation 47aa 1:0x13028');
    });

    it('lets tables be written where bit 58 says so, and nothing else', () => {
      const controlled = eptOf({ pagingWrite: true }, flagged);
      const table = { [nestedEntry.ofPt]: 0x2_4031n | pagingWriteBit };
      expect(underEpt('w', table, controlled)).to.equal('0x5abc 0x25abc 4096');
      expect(underEpt('w', table, eptOf({}, flagged))).to.equal('table 0x4c48 privilege-violation 8b 1:0x13020');
      expect(underEpt('w', { ...table, [nestedEntry.pde]: 0x1_3405n }, controlled)).to.equal(
        'table 0x1120 privilege-violation ab 2:0x12000',
      );
      const data = { [nestedEntry.ofData]: 0x2_5031n | pagingWriteBit };
      expect(underEpt('w', data, controlled)).to.equal('final 0x5abc privilege-violation 78a 1:0x13028');
      const unreadable = { [nestedEntry.ofData]: 0x2_5034n | pagingWriteBit };
      expect(underEpt('x', unreadable, controlled)).to.equal('final 0x5abc misconfiguration - 1:0x13028');
    });

    it('maps nothing above 48 bits with four levels', () => {
      const high = { [guestEntry.pte]: 0x1_0000_0000_5067n };
      expect(underEpt('w', high, eptOf(), { maxPhyAddr: 52 })).to.equal('final 0x1000000005abc not-present 782');
    });

    it('refuses an EPT pointer that VM entry refuses', () => {
      const { capabilities } = eptOf();
      const problem = (eptp: bigint) => referenceEptpProblem(eptp, capabilities);
      expect(problem(0x1_001en)).to.equal(null);
      expect(problem(0x1_0020n)).to.equal(null);
      expect(problem(0x1_005en)).to.equal(null);
      expect(problem(0x1_0019n)).to.equal('memory type 1');
      expect(problem(0x1_0016n)).to.equal('walk length 3');
      expect(problem(0x1_009en)).to.equal('reserved bits 0x80');
      expect(problem(0x1_0f1en)).to.equal('reserved bits 0xf00');
      expect(problem(0x100_0001_001en)).to.equal('reserved bits 0x10000000000');
      expect(referenceEptpProblem(0x1_009en, eptOf({ supervisorShadowStack: true }).capabilities)).to.equal(null);
    });
  });

  describe('and what is set by the way', () => {
    const unused = { [guestEntry.pml4e]: 0x2007n, [guestEntry.pte]: 0x5007n };

    it('is A in what nested tables were used, D where the guest was written to, in the order of the walk', () => {
      expect(plan('', { ...openNpt, ...unused }, nptOf()).split('\n')).to.deep.equal([
        'A in nested level 4 at 0x10000',
        'A in nested level 3 at 0x11000',
        'A in nested level 2 at 0x12000',
        'AD in nested level 1 at 0x13008',
        'A in guest level 4 at 0x21120',
        'AD in nested level 1 at 0x13010',
        'AD in nested level 1 at 0x13018',
        'AD in nested level 1 at 0x13020',
        'A in guest level 1 at 0x24c48',
        'A in nested level 1 at 0x13028',
      ]);
      expect(
        plan('w', { ...openNpt, ...unused }, nptOf())
          .split('\n')
          .slice(-2),
      ).to.deep.equal(['AD in guest level 1 at 0x24c48', 'AD in nested level 1 at 0x13028']);
    });

    it('is bits 8 and 9 of EPT, and nothing of EPT without the flag in EPTP', () => {
      expect(plan('w', { ...openEpt, ...unused }, eptOf())).to.equal(
        'A in guest level 4 at 0x21120\nAD in guest level 1 at 0x24c48',
      );
      const seen = { ...openEpt, [nestedEntry.pml4e]: 0x1_1107n, [nestedEntry.ofData]: 0x2_5137n };
      expect(plan('w', seen, eptOf({}, flagged)).split('\n')).to.deep.equal([
        'A in nested level 3 at 0x11000',
        'A in nested level 2 at 0x12000',
        'AD in nested level 1 at 0x13008',
        'AD in nested level 1 at 0x13010',
        'AD in nested level 1 at 0x13018',
        'AD in nested level 1 at 0x13020',
        'D in nested level 1 at 0x13028',
      ]);
    });

    it('is on a fault what was passed, of either stage, where that is asked for', () => {
      const table = { ...openNpt, ...unused, [guestEntry.pdpte]: 0x3007n, [nestedEntry.ofPt]: 0n };
      const guest = machineIn('4-level');
      const translation = referenceTranslateNested(guest, nptOf(), stages(table), twoStageLinear, accessOf('w'));
      const planned = (guestOnFault: boolean, nestedOnFault: boolean) => {
        const demand = { guestOnFault, nestedOnFault };
        return describeNestedPlan(referenceNestedPlan(translation, guest, nptOf(), accessOf('w'), demand)).split('\n');
      };
      expect(planned(false, false)).to.deep.equal(['nothing']);
      expect(planned(true, true)).to.deep.equal([
        'A in nested level 4 at 0x10000',
        'A in nested level 3 at 0x11000',
        'A in nested level 2 at 0x12000',
        'AD in nested level 1 at 0x13008',
        'A in guest level 4 at 0x21120',
        'AD in nested level 1 at 0x13010',
        'A in guest level 3 at 0x22688',
        'AD in nested level 1 at 0x13018',
      ]);
      expect(planned(true, false)).to.deep.equal(['A in guest level 4 at 0x21120', 'A in guest level 3 at 0x22688']);
    });
  });
});
