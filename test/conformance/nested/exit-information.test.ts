import { expect } from 'chai';
import { AMD, INTEL, KVM, type Profile, planNestedBits, processorNestedBits, TCG } from '../../../src/paging/index.ts';
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
import { translateNestedByBoth } from '../../support/judge/translate-nested-by-both.ts';
import { contextsOf } from '../../support/judge/walker-stages.ts';
import { accessOf, controlBits, type MachineChanges, machineIn } from '../../support/reference/reference-machine.ts';
import type { ReferenceNested } from '../../support/reference/reference-nested-translation.ts';

const { cet } = controlBits.cr4;
const bit60 = 1n << 60n;
const bit58 = 1n << 58n;
const nx = 1n << 63n;

type Entries = Readonly<Record<string, bigint>>;

function walk(access: string, nested: ReferenceNested, entries: Entries = {}, changes: MachineChanges = {}) {
  const isEpt = nested.kind === 'ept';
  const guest = machineIn('4-level', { vendor: isEpt ? 'intel' : 'amd', ...changes });
  const memory = stages(isEpt ? openEpt : openNpt, entries);
  return translateNestedByBoth(guest, nested, memory, twoStageLinear, accessOf(access));
}

const verdict = (...question: Parameters<typeof walk>): string => formatNestedVerdict(walk(...question));

/** EPT with accessed and dirty flags (bit 6), and with the shadow-stack control (bit 7). */
const flagged = eptOf({}, 0x1_005en);
const marking = eptOf({ supervisorShadowStack: true }, 0x1_009en);

describe('exit information, number by number', () => {
  it('tells of a guest without paging what the manual says: user-mode, read/write, executable', () => {
    // SDM vol. 3C, table 27-7 (28-7), bits 9 to 11: "If CR0.PG = 0, the translation of every linear address is a user-mode
    // linear address and thus this bit will be 1."
    const guest = machineIn('off');
    const ask = (access: string, ept: ReferenceNested, ofData: bigint) => {
      const memory = stages(openEpt, { [nestedEntry.ofData]: ofData });
      return formatNestedVerdict(translateNestedByBoth(guest, ept, memory, 0x5abcn, accessOf(access)));
    };
    expect(ask('', eptOf(), 0n)).to.equal('final 0x5abc not-present 781 1:0x13028');
    expect(ask('w', eptOf(), 0x2_5031n)).to.equal('final 0x5abc privilege-violation 78a 1:0x13028');
    expect(ask('', eptOf({ advancedExitInformation: false }), 0n)).to.equal('final 0x5abc not-present 181 1:0x13028');
    // So mode-based execute control asks for bit 10.
    const modes = eptOf({ modeBasedExecute: true });
    expect(ask('x', modes, 0x2_5433n)).to.equal('0x5abc 0x25abc 4096');
    expect(ask('x', modes, 0x2_5037n)).to.equal('final 0x5abc privilege-violation 7bc 1:0x13028');
  });

  it('marks shadow-stack accesses to data: bit 13 of the qualification, bit 6 of EXITINFO1', () => {
    const user = { [guestEntry.pte]: 0x5065n, [nestedEntry.ofData]: 0n };
    expect(verdict('ku', eptOf(), user, { cr4: cet })).to.equal('final 0x5abc not-present 2381 1:0x13028');
    expect(verdict('ku', nptOf(), user, { cr4: cet })).to.equal('final 0x5abc not-present 100000044 1:0x13028');
    const table = { [guestEntry.pte]: 0x5065n, [nestedEntry.ofPt]: 0n };
    expect(verdict('ku', eptOf(), table, { cr4: cet })).to.equal('table 0x4c48 not-present 81 1:0x13020');
  });

  it('says bit 60 of the leaf in bit 14, with bit 7 of EPTP', () => {
    const marked = { [nestedEntry.ofData]: 0x2_5031n | bit60 };
    expect(verdict('w', marking, marked)).to.equal('final 0x5abc privilege-violation 478a 1:0x13028');
    expect(verdict('w', marking, { [nestedEntry.ofData]: 0x2_5031n })).to.equal(
      'final 0x5abc privilege-violation 78a 1:0x13028',
    );
    expect(verdict('w', eptOf(), marked)).to.equal('final 0x5abc privilege-violation 78a 1:0x13028');
  });

  it("keeps a supervisor's shadow stack to the pages that bit 60 names, with bit 7 of EPTP", () => {
    // SDM vol. 3C, 28.3.3.2: readable in every entry, writable in every entry above the leaf, bit 60 in the leaf.
    const stack = { [guestEntry.pte]: 0x5061n };
    const marked = { ...stack, [nestedEntry.ofData]: 0x2_5031n | bit60 };
    const shadow = { cr4: cet };
    expect(verdict('wk', marking, marked, shadow)).to.equal('0x5abc 0x25abc 4096');
    expect(verdict('k', marking, marked, shadow)).to.equal('0x5abc 0x25abc 4096');
    expect(verdict('wk', marking, stack, shadow)).to.equal('final 0x5abc privilege-violation 21ba 1:0x13028');
    expect(verdict('k', marking, { ...marked, [nestedEntry.pde]: 0x1_3405n }, shadow)).to.equal(
      'final 0x5abc privilege-violation 6189 2:0x12000',
    );
    // A user's is like any other data.
    const users = { [guestEntry.pte]: 0x5065n };
    expect(verdict('wku', marking, users, shadow)).to.equal('0x5abc 0x25abc 4096');
    expect(verdict('wk', eptOf(), stack, shadow)).to.equal('0x5abc 0x25abc 4096');
  });

  it('reads PDPTEs, and writes to no page for them, with accessed and dirty flags too', () => {
    // SDM vol. 3C, 28.3.3.2: loads of PDPTEs "are treated as reads and do not cause EPT violations due to a guest-physical
    // address not being writable".
    const guest = machineIn('pae', { cr3: 0x1000n });
    const linear = 0xc567_89abn;
    const entries = { '0x21018': 0x3001n, '0x23158': 0x4067n, '0x243c0': 0x5067n };
    const ask = (ofPointers: bigint) => {
      const memory = stages(openEpt, { ...entries, [nestedEntry.ofPml4]: ofPointers });
      return translateNestedByBoth(guest, flagged, memory, linear, accessOf('w'));
    };
    expect(formatNestedVerdict(ask(0x2_1031n))).to.equal('0x59ab 0x259ab 4096');
    expect(formatNestedVerdict(ask(0n))).to.equal('table 0x1018 not-present 81 1:0x13008');
    const flags = { setAccessed: true, setDirty: true, forceSetAccessed: false };
    const rows = describeNestedPlan(planNestedBits(ask(0x2_1037n), flags)).split('\n');
    expect(rows).to.include('A in nested level 1 at 0x13008');
  });

  it('says fetch also of an address that no nested table can map', () => {
    const high = { [guestEntry.pte]: 0x1_0000_0000_5067n };
    expect(verdict('x', nptOf(), high, { maxPhyAddr: 52 })).to.equal('final 0x1000000005abc not-present 100000014');
    expect(verdict('w', nptOf(), high, { maxPhyAddr: 52 })).to.equal('final 0x1000000005abc not-present 100000006');
  });

  it('with the guest mode execute trap keeps supervisors from executing, and refuses no other access', () => {
    // APM vol. 2, 15.25.13, table 15-21: U/S=1 and no NX: users execute, supervisors do not; U/S=0 and no NX: both do.
    const trap = { ...nptOf(), gmet: true };
    const supervisors = { [nestedEntry.ofData]: 0x2_5003n };
    const through = '0x5abc 0x25abc 4096';
    expect(verdict('x', nptOf())).to.equal(through);
    expect(verdict('x', trap), 'a page with U/S=1').to.equal('final 0x5abc privilege-violation 100000011 1:0x13028');
    expect(verdict('x', trap, { [nestedEntry.pde]: 0x1_3003n }), 'the effective U/S is 0').to.equal(through);
    for (const access of ['xu', '', 'w', 'u', 'wu']) expect(verdict(access, trap), access).to.equal(through);
    for (const access of ['x', '', 'w', 'i', 'xu', 'u', 'wu']) {
      expect(verdict(access, trap, supervisors), access).to.equal(through);
    }
    expect(verdict('', nptOf(), supervisors)).to.equal('final 0x5abc privilege-violation 100000005 1:0x13028');
    const unexecutable = { [nestedEntry.ofData]: 0x2_5003n | nx };
    expect(verdict('x', trap, unexecutable)).to.equal('final 0x5abc privilege-violation 100000011 1:0x13028');
    expect(verdict('xu', trap, unexecutable)).to.equal('final 0x5abc privilege-violation 100000015 1:0x13028');
    const readOnly = { [nestedEntry.ofData]: 0x2_5001n };
    expect(verdict('w', trap, readOnly, { wp: false })).to.equal(
      'final 0x5abc privilege-violation 100000003 1:0x13028',
    );
    // A hypervisor that lets its guest's kernel execute everywhere has U/S=0 everywhere, below the guest's tables too.
    expect(verdict('', trap, { [nestedEntry.ofPt]: 0x2_4003n })).to.equal(through);
    expect(verdict('', trap, { [nestedEntry.ofPt]: 0x2_4001n })).to.equal(
      'table 0x4c48 privilege-violation 200000007 1:0x13020',
    );
  });

  it("keeps a supervisor's shadow stack to pages with NX=1 and U/S=0, with the check of the VMCB", () => {
    // APM vol. 2, 15.25.14, and 15.25.6 for bits 6 (SS) and 37 (a supervisor shadow-stack page) of EXITINFO1.
    const checking = { ...nptOf(), sss: true };
    const stack = { [guestEntry.pte]: 0x5061n };
    const given = { ...stack, [nestedEntry.ofData]: 0x2_5001n | nx };
    const shadow = { cr4: cet };
    const through = '0x5abc 0x25abc 4096';
    const ask = (access: string, entries: Entries, nested: ReferenceNested = checking) =>
      verdict(access, nested, entries, shadow);
    for (const access of ['k', 'wk']) {
      expect(ask(access, given), `R/W=0 in the leaf forbids nothing: ${access}`).to.equal(through);
      expect(ask(access, { ...given, [nestedEntry.ofData]: 0x2_5003n | nx })).to.equal(through);
    }
    expect(ask('k', stack), 'NX=0, U/S=1').to.equal('final 0x5abc privilege-violation 100000045 1:0x13028');
    expect(ask('wk', stack)).to.equal('final 0x5abc privilege-violation 100000047 1:0x13028');
    for (const leaf of [0x2_5007n | nx, 0x2_5003n]) {
      expect(ask('k', { ...stack, [nestedEntry.ofData]: leaf })).to.equal(
        'final 0x5abc privilege-violation 100000045 1:0x13028',
      );
    }
    // A page in another 1 GB than the tables: only its own way down has R/W=0.
    const far = { [guestEntry.pte]: 0x4000_5061n, '0x11008': 0x1_5005n, '0x15000': 0x1_6007n };
    expect(ask('k', { ...far, '0x16028': 0x2_5001n | nx })).to.equal(
      'final 0x40005abc privilege-violation 2100000045 3:0x11008',
    );
    const above = { ...far, '0x11008': 0x1_5003n | nx, '0x16028': 0x2_5001n | nx };
    expect(ask('wk', above), 'NX=1 and U/S=0 above').to.equal(through.replace('0x5abc', '0x40005abc'));
    expect(ask('k', { ...above, '0x16028': 0x2_5005n }), 'and not in the leaf').to.equal(
      'final 0x40005abc privilege-violation 100000045 1:0x16028',
    );
    expect(ask('x', given), 'NX=1').to.equal('final 0x5abc privilege-violation 2100000015 1:0x13028');
    expect(ask('', given), 'U/S=0').to.equal('final 0x5abc privilege-violation 2100000005 1:0x13028');
    expect(ask('k', { ...stack, [nestedEntry.ofData]: 0n })).to.equal('final 0x5abc not-present 100000044 1:0x13028');
    expect(ask('k', { [nestedEntry.ofPt]: 0x2_4003n | nx })).to.equal(
      'table 0x4c48 privilege-violation 2200000007 1:0x13020',
    );
    // A user's is data like any other.
    expect(ask('wku', { [guestEntry.pte]: 0x5065n })).to.equal(through);
    // With both, reads go through as with the trap alone, and the fault tells the CPL.
    const both = { ...checking, gmet: true };
    expect(ask('', given, both)).to.equal(through);
    expect(ask('wk', given, both)).to.equal(through);
    expect(ask('w', { ...given, [guestEntry.pte]: 0x5063n }, both)).to.equal(
      'final 0x5abc privilege-violation 2100000003 1:0x13028',
    );
    expect(ask('k', stack, both)).to.equal('final 0x5abc privilege-violation 100000041 1:0x13028');
    // Without it a shadow stack is data; so it is where EFER.NXE is 0, which the VMCB's bit is ignored without.
    expect(ask('wk', stack, nptOf())).to.equal(through);
    expect(ask('wk', stack, { ...nptOf({ nxe: false }), sss: true })).to.equal(through);
  });

  it('lets the processor write to tables where bit 58 says so, and nothing else', () => {
    const controlled = eptOf({ pagingWrite: true }, 0x1_005en);
    const table = { [nestedEntry.ofPt]: 0x2_4031n | bit58 };
    expect(verdict('w', controlled, table)).to.equal('0x5abc 0x25abc 4096');
    expect(verdict('w', flagged, table)).to.equal('table 0x4c48 privilege-violation 8b 1:0x13020');
    expect(verdict('w', controlled, { [nestedEntry.ofData]: 0x2_5031n | bit58 })).to.equal(
      'final 0x5abc privilege-violation 78a 1:0x13028',
    );
  });
});

describe('bits of both stages', () => {
  const unused = { [guestEntry.pml4e]: 0x2007n, [guestEntry.pte]: 0x5007n };

  it('are none of EPT without accessed and dirty flags, for what is asked as for what the processor sets', () => {
    const guest = machineIn('4-level');
    const nested = eptOf();
    const contexts = contextsOf(guest, nested);
    const translation = translateNestedByBoth(
      guest,
      nested,
      stages(openEpt, { ...unused, [nestedEntry.ofData]: 0x2_5137n }),
      twoStageLinear,
      accessOf('w'),
    );
    const expected = 'A in guest level 4 at 0x21120\nAD in guest level 1 at 0x24c48';
    const flags = { setAccessed: true, setDirty: true, forceSetAccessed: false };
    expect(describeNestedPlan(planNestedBits(translation, flags))).to.equal(expected);
    expect(describeNestedPlan(processorNestedBits(translation, contexts.guest, contexts.nested))).to.equal(expected);
  });

  it('are, where the second stage does not give the page, what each machine has set by then', () => {
    const entries = { ...unused, [nestedEntry.ofData]: 0n };
    const translation = walk('w', nptOf(), entries);
    const { guest, nested } = contextsOf(machineIn('4-level', { vendor: 'amd' }), nptOf());
    const of = (profile: Profile) =>
      describeNestedPlan(processorNestedBits(translation, { ...guest, profile }, nested)).match(/.* in guest .*/g);
    expect(of(AMD), 'tables were read, the page was not').to.deep.equal(['A in guest level 4 at 0x21120']);
    expect(of(TCG)).to.deep.equal(['A in guest level 4 at 0x21120', 'AD in guest level 1 at 0x24c48']);
    expect(of(INTEL)).to.equal(null);
    expect(of(KVM)).to.equal(null);
  });

  it("with FORCE_SET_ACCESSED are those of all that was passed, the guest's entries too, when a nested entry ends it", () => {
    const entries = { ...unused, [guestEntry.pdpte]: 0x3007n, [nestedEntry.ofPt]: 0n };
    const flags = { setAccessed: true, setDirty: false, forceSetAccessed: true };
    expect(describeNestedPlan(planNestedBits(walk('', nptOf(), entries), flags)).split('\n')).to.deep.equal([
      'A in nested level 4 at 0x10000',
      'A in nested level 3 at 0x11000',
      'A in nested level 2 at 0x12000',
      'AD in nested level 1 at 0x13008',
      'A in guest level 4 at 0x21120',
      'AD in nested level 1 at 0x13010',
      'A in guest level 3 at 0x22688',
      'AD in nested level 1 at 0x13018',
    ]);
  });
});
