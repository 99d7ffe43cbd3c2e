import { expect } from 'chai';
import { parseInfoRegisters } from '../../../../protocols/qmp/index.ts';
import { GuestStateError } from '../../../../src/guest/errors.ts';
import { applyOverrides, parseOverride } from '../../../../src/guest/vcpu/overrides.ts';
import { assumed, sourced } from '../../../../src/guest/vcpu/sourced.ts';
import {
  assembleVcpuState,
  contextOf,
  hiddenRegistersInUse,
  machineProfile,
  type VcpuState,
  withCr3,
  withNestedStage,
} from '../../../../src/guest/vcpu/vcpu-state.ts';
import { AMD, INTEL, KVM, type Profile, TCG } from '../../../../src/paging/index.ts';
import { readFixtureText } from '../../../support/fakes/read-fixture.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';

const NAMES = ['cr0', 'cr3', 'cr4', 'efer', 'eflags', 'cs', 'ss'] as const;
const REGISTERS = new Map<string, bigint>(NAMES.map((name, at) => [name, BigInt(at + 1)]));
const SHOWN = parseInfoRegisters(readFixtureText('qmp/registers/long-mode.txt'));
const PROCESSOR = vcpuStateWith();

describe('the state of a vCPU', () => {
  it('takes each register from the stub, by its name', () => {
    const state = assembleVcpuState(SHOWN, REGISTERS, PROCESSOR);
    expect(state.cr3).to.deep.equal({ value: 2n, from: 'gdb-stub', detail: 'register cr3' });
    expect(
      [state.cr0, state.cr4, state.efer, state.rflags, state.cs, state.ss].map(({ value }) => value),
    ).to.deep.equal([1n, 3n, 4n, 5n, 6n, 7n]);
    expect(state.cpl.from).to.equal('monitor');
    expect(state.cpu).to.equal(SHOWN.cpuIndex);
  });

  for (const name of NAMES) {
    it(`is refused without the register ${name}`, () => {
      const registers = new Map(REGISTERS);
      registers.delete(name);
      expect(() => assembleVcpuState(SHOWN, registers, PROCESSOR)).to.throw(GuestStateError, `"${name}"`);
    });
  }

  describe('consults of the registers that no stub shows', () => {
    const [lma, svme, pke, pks, pae, pg] = [1n << 10n, 1n << 12n, 1n << 22n, 1n << 24n, 1n << 5n, 1n << 31n];
    type Values = Readonly<Partial<Record<'cr0' | 'cr4' | 'efer', bigint>>>;

    /** A vCPU with these bits in its registers, and no others. */
    function vcpu({ cr0 = 0n, cr4 = 0n, efer = 0n }: Values, more: Partial<VcpuState> = {}): VcpuState {
      const read = (value: bigint) => sourced(value, 'gdb-stub', '');
      return vcpuStateWith({ cr0: read(cr0), cr4: read(cr4), efer: read(efer), ...more });
    }

    function inUse(own: VcpuState, asked = own): string[] {
      const used = Object.entries(hiddenRegistersInUse(own, asked));
      return used.filter(([, isUsed]) => isUsed).map(([name]) => name);
    }

    it('what its modes use', () => {
      expect(inUse(vcpu({}))).to.deep.equal([]);
      expect(inUse(vcpu({ efer: lma, cr4: pke }))).to.deep.equal(['pkru']);
      expect(inUse(vcpu({ efer: lma, cr4: pks }))).to.deep.equal(['pkrs']);
      expect(inUse(vcpu({ cr4: pke | pks })), 'keys are for long mode').to.deep.equal([]);
      expect(inUse(vcpu({ cr0: pg, cr4: pae }))).to.deep.equal(['pdptes']);
      const tcg: Partial<VcpuState> = { accelerator: sourced('tcg', 'monitor', '') };
      expect(inUse(vcpu({ cr0: pg, cr4: pae }, tcg)), 'TCG reads them from memory').to.deep.equal([]);
      const unknown: Partial<VcpuState> = { accelerator: assumed('tcg', { code: 'accelerator-not-told' }) };
      expect(inUse(vcpu({ cr0: pg, cr4: pae }, unknown)), 'it may be KVM').to.deep.equal(['pdptes']);
      expect(inUse(vcpu({ cr4: pae }))).to.deep.equal([]);
      expect(inUse(vcpu({ cr0: pg, cr4: pae, efer: lma }))).to.deep.equal([]);
      expect(inUse(vcpu({ efer: svme }))).to.deep.equal(['nested']);
    });

    it('what a question makes its modes use, and does not give', () => {
      const long = vcpu({ cr0: pg, cr4: pae, efer: lma });
      const asked = (own: VcpuState, ...texts: string[]) =>
        inUse(own, applyOverrides(own, texts.map(parseOverride), undefined));
      expect(asked(long, 'CR4.PKE=1')).to.deep.equal(['pkru']);
      expect(asked(long, 'CR4.PKS=1')).to.deep.equal(['pkrs']);
      expect(asked(long, 'CR4.PKE=1', 'PKRU=0x4')).to.deep.equal([]);
      const legacy = vcpu({ cr0: pg, cr4: pae | pke });
      expect(asked(legacy, 'EFER.LMA=1')).to.deep.equal(['pkru']);
      expect(asked(legacy, 'CR4.SMEP=1')).to.deep.equal(['pdptes']);
      expect(asked(legacy, 'CR3=0x9000'), 'loaded from memory').to.deep.equal([]);
      expect(asked(long, 'EFER.LMA=0'), 'loaded when PAE paging is switched on').to.deep.equal([]);
      const nested = vcpu({ efer: lma | svme });
      expect(asked(nested, 'EFER=0x500'), 'it still runs its guest').to.deep.equal(['nested']);
      expect(inUse(nested, withNestedStage(nested, null))).to.deep.equal([]);
    });
  });

  it('with another CR3 has another root, and PDPTEs from memory', () => {
    const own = vcpuStateWith({ pdptes: sourced([1n, 0n, 0n, 0n], 'device-state', '') });
    const other = withCr3(own, 0x7000n);
    expect(contextOf(other).root.toString(16)).to.equal('7000');
    expect(other.cr3.from).to.equal('given');
    expect(other.pdptes.value).to.equal(null);
    expect(contextOf(own).root.toString(16), 'the state itself is left alone').to.equal('1000');
  });

  it('is walked by the vendor’s manual, under KVM and TCG', () => {
    const profileOf = (vendor: 'intel' | 'amd', accelerator: 'kvm' | 'tcg') =>
      contextOf(vcpuStateWith({ vendor: sourced(vendor, 'qom', ''), accelerator: sourced(accelerator, 'monitor', '') }))
        .profile;
    expect(profileOf('intel', 'kvm')).to.include({ name: 'intel', pdpteReserved: 0x1e6 });
    expect(profileOf('amd', 'kvm')).to.include({ name: 'amd', topLevelBit8Reserved: 'always' });
    expect(profileOf('amd', 'tcg'), 'but for the bit that TCG leaves in PDPTEs').to.include({ pdpteReserved: 0x1c6 });
  });

  it('is walked by a profile that was named, which does not undo what TCG has done to PDPTEs', () => {
    const reservedBits = (profile: Profile, accelerator: 'kvm' | 'tcg') => {
      const state = vcpuStateWith({
        profile: sourced(profile, 'given', ''),
        accelerator: sourced(accelerator, 'monitor', ''),
      });
      const { name, pdpteReserved } = contextOf(state).profile;
      return `${name} ${pdpteReserved.toString(16)}`;
    };
    expect([INTEL, AMD, KVM, TCG].map((profile) => reservedBits(profile, 'tcg'))).to.deep.equal([
      'intel 1c6',
      'amd 1c6',
      'kvm 1c6',
      'tcg 0',
    ]);
    expect(reservedBits(INTEL, 'kvm')).to.equal('intel 1e6');
  });

  it('knows how its machine would walk', () => {
    expect(machineProfile(vcpuStateWith())?.name).to.equal('kvm');
    const tcg = vcpuStateWith({ accelerator: sourced('tcg', 'monitor', ''), qemuVersion: [10, 0, 2] });
    expect(machineProfile(tcg)).to.include({ name: 'tcg', nonCanonicalSetsCr2: true });
  });

  it('keeps the CPL, by which TCG judges implicit accesses', () => {
    const AC = 0x4_0002n;
    const honoursAc = (rflags: bigint) => (cpl: number) =>
      contextOf(vcpuStateWith({ cpl: sourced(cpl, 'monitor', ''), rflags: sourced(rflags, 'gdb-stub', '') }), TCG)
        .policy.implicitHonoursAc;
    expect([0, 1, 2, 3].map(honoursAc(AC))).to.deep.equal([true, true, true, false]);
    expect([0, 1, 2, 3].map(honoursAc(2n)), 'there is no AC to honour').to.deep.equal([false, false, false, false]);
    const withAc = vcpuStateWith({ rflags: sourced(AC, 'gdb-stub', '') });
    const asked = applyOverrides(withAc, [parseOverride('CPL=3')], TCG);
    expect(contextOf(asked).policy.implicitHonoursAc).to.equal(false);
  });

  it('keeps the A20 gate and the C-bit', () => {
    const context = contextOf(
      vcpuStateWith({
        a20: sourced(false, 'monitor', ''),
        encryptionBit: sourced(47, 'given', ''),
        cr3: sourced(0x8000_0000_1000n, 'gdb-stub', ''),
      }),
    );
    expect(context.root.toString(16), 'the C-bit is no address bit').to.equal('1000');
    expect(context.a20Masked).to.equal(1 << 20);
  });
});
