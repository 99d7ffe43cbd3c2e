import { expect } from 'chai';
import { createContext, type NestedTranslation, translate } from '../../../../src/paging/index.ts';
import { formatDeviation, formatMachine, type ReportedDeviation } from '../../../../src/report/index.ts';
import { fourLevels } from '../../../support/builders/entry-map.ts';

const CONTEXT = createContext({ cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n }, { maxPhyAddr: 46 });
const READ = { write: false, user: false, exec: false };
const KVM = { accelerator: 'kvm', qemuVersion: null } as const;

const outcomeOf = (pte: bigint, address = 0x123n) =>
  translate(CONTEXT, fourLevels(0x2007n, 0x3007n, 0x4007n, pte), address, READ);
const text = (outcome: unknown): string =>
  formatDeviation({ machine: KVM, outcome: outcome as ReportedDeviation['outcome'] });

describe('report/formatMachine', () => {
  it('names what runs the guest, as far as it is known', () => {
    expect(formatMachine({ accelerator: 'tcg', qemuVersion: [7, 2, 22] })).to.equal("QEMU 7.2.22's TCG");
    expect(formatMachine({ accelerator: 'tcg', qemuVersion: null })).to.equal("QEMU's TCG");
    expect(formatMachine({ accelerator: 'kvm', qemuVersion: [10, 0, 0] })).to.equal("KVM's walker");
    expect(formatMachine({ accelerator: null, qemuVersion: [10, 0, 0] })).to.equal('the machine that runs the guest');
  });
});

describe('report/formatDeviation', () => {
  it('says where the address leads, or what exception comes of it', () => {
    expect(text(outcomeOf(0x5007n))).to.equal("KVM's walker maps it to 0x5123");
    expect(text(outcomeOf(0n))).to.equal("KVM's walker raises #PF with error code 0x0 (not present: the PTE has P=0)");
    expect(text(outcomeOf(0n, 1n << 60n))).to.match(
      /^KVM's walker raises #GP with error code 0x0 \(the address is not/,
    );
    expect(text({ ...outcomeOf(0n), vector: null, errorCode: null })).to.equal(
      "KVM's walker raises an exception (not present: the PTE has P=0)",
    );
    expect(text({ ...outcomeOf(0n), vector: 12 })).to.contain('raises #SS with');
  });

  it('says where an address of a nested guest leads, or whose exception or exit comes of it', () => {
    expect(
      text({ kind: 'mapped', nestedKind: 'npt', l2PhysicalAddress: 0x5123n, l1PhysicalAddress: 0x9123n }),
    ).to.equal("KVM's walker maps it to L2 physical 0x5123, L1 physical 0x9123");
    expect(text({ kind: 'guest-fault', guest: outcomeOf(0n) })).to.contain('raises #PF with error code 0x0');
    const reason = {
      code: 'nested-not-present',
      stage: 'npt',
      l2PhysicalAddress: 0x5123n,
      guestEntry: null,
      entry: 'PTE',
    } as const;
    const exit: Partial<Extract<NestedTranslation, { kind: 'nested-fault' }>> = {
      ...{ kind: 'nested-fault', cause: 'not-present', reason, l2PhysicalAddress: 0x5123n },
      ...{ exitInfo1: null, exitQualification: null },
    };
    const why = '(the page at L2 physical 0x5123: the NPT PTE is not present)';
    expect(text({ ...exit, exitInfo1: 0x1_0000_0004n })).to.equal(
      `KVM's walker exits with #NPF, EXITINFO1 0x100000004, EXITINFO2 0x5123 ${why}`,
    );
    expect(text({ ...exit, exitQualification: 0x181n })).to.equal(
      `KVM's walker exits with an EPT violation, qualification 0x181 ${why}`,
    );
    expect(text({ ...exit, cause: 'misconfiguration' })).to.equal(
      `KVM's walker exits with an EPT misconfiguration ${why}`,
    );
    expect(text(exit)).to.equal(`KVM's walker goes no further ${why}`);
  });
});
