import { expect } from 'chai';
import { parseInfoRegisters } from '../../../../protocols/qmp/index.ts';
import { GuestStateError } from '../../../../src/guest/errors.ts';
import { NO_HIDDEN_REGISTERS } from '../../../../src/guest/vcpu/hidden-registers.ts';
import { applyOverrides, parseOverride } from '../../../../src/guest/vcpu/overrides.ts';
import { assumed, sourced } from '../../../../src/guest/vcpu/sourced.ts';
import {
  assembleVcpuState,
  contextOf,
  hiddenRegistersInUse,
  machineProfile,
  nestedContextOf,
  type VcpuState,
  withCr3,
  withHiddenRegisters,
  withNestedStage,
} from '../../../../src/guest/vcpu/vcpu-state.ts';
import {
  AMD,
  afterTcg,
  createContext,
  createEpt,
  createNpt,
  INTEL,
  KVM,
  type Profile,
  TCG,
  tcgProfile,
} from '../../../../src/paging/index.ts';
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

  it('is put together whole, out of the stub or out of the monitor', () => {
    const segment = SHOWN.segments.es;
    const bases = { es: 1n, cs: 2n, ss: 3n, ds: 4n, fs: 5n, gs: 6n };
    const segments = {
      ...{ es: { ...segment, base: bases.es }, cs: { ...segment, base: bases.cs }, ss: { ...segment, base: bases.ss } },
      ...{ ds: { ...segment, base: bases.ds }, fs: { ...segment, base: bases.fs }, gs: { ...segment, base: bases.gs } },
    };
    const shown = { ...SHOWN, cpuIndex: 3, rip: 0x1234n, cr2: 0x5678n, cpl: 3, a20: false, segments };
    for (const from of ['gdb-stub', 'monitor'] as const) {
      const read = (value: bigint, name: string) => {
        return { value, from, detail: from === 'monitor' ? `info registers, ${name}` : `register ${name}` };
      };
      const told = (value: unknown, name: string) => ({ value, from: 'monitor', detail: `info registers, ${name}` });
      const position = {
        rip: told(0x1234n, 'RIP'),
        csBase: told(2n, 'CS'),
        bases: { es: told(1n, 'ES'), ss: told(3n, 'SS'), ds: told(4n, 'DS'), fs: told(5n, 'FS'), gs: told(6n, 'GS') },
        cr2: told(0x5678n, 'CR2'),
      };
      expect(assembleVcpuState(shown, REGISTERS, PROCESSOR, from)).to.deep.equal({
        ...PROCESSOR,
        ...NO_HIDDEN_REGISTERS,
        cpu: 3,
        cr0: read(1n, 'cr0'),
        cr3: read(2n, 'cr3'),
        cr4: read(3n, 'cr4'),
        efer: read(4n, 'efer'),
        rflags: read(5n, 'eflags'),
        cs: read(6n, 'cs'),
        ss: read(7n, 'ss'),
        position,
        cpl: told(3, 'CPL'),
        a20: told(false, 'A20'),
        encryptionBit: { value: null, from: 'not-in-use', cause: { code: 'no-c-bit' } },
        profile: { value: null, from: 'not-in-use', cause: { code: 'no-profile' } },
      });
      for (const name of ['rsp', 'esp']) {
        const rsp = { value: 0x9000n, from: 'gdb-stub', detail: 'register rsp' };
        const registers = new Map([...REGISTERS, [name, 0x9000n]]);
        expect(assembleVcpuState(shown, registers, PROCESSOR, from).position).to.deep.equal({ ...position, rsp });
      }
    }
    expect(() => assembleVcpuState(SHOWN, new Map(), PROCESSOR)).to.throw(
      'the GDB stub\'s target description has no register "cr0"',
    );
  });

  it('takes of the hidden registers those that a question needs', () => {
    const own = vcpuStateWith();
    const hidden = {
      pkru: sourced(1, 'device-state', ''),
      pkrs: sourced(2, 'device-state', ''),
      pdptes: sourced([1n, 2n, 3n, 4n] as const, 'device-state', ''),
      nested: sourced(null, 'device-state', ''),
      hypervisorSmep: sourced(true, 'device-state', ''),
    };
    const { pkru, pkrs, pdptes, nested, hypervisorSmep } = hidden;
    const none = { pkru: false, pkrs: false, pdptes: false, nested: false };
    expect(withHiddenRegisters(own, none, hidden)).to.deep.equal(own);
    expect(withHiddenRegisters(own, { ...none, pkru: true }, hidden)).to.deep.equal({ ...own, pkru });
    expect(withHiddenRegisters(own, { ...none, pkrs: true }, hidden)).to.deep.equal({ ...own, pkrs });
    expect(withHiddenRegisters(own, { ...none, pdptes: true }, hidden)).to.deep.equal({ ...own, pdptes });
    expect(withHiddenRegisters(own, { ...none, nested: true }, hidden)).to.deep.equal({
      ...own,
      nested,
      hypervisorSmep,
    });
    expect(own).to.deep.equal(vcpuStateWith());
  });

  it('has what a question gives, in its words', () => {
    const own = vcpuStateWith();
    const given = (value: unknown, detail = 'the request') => ({ value, from: 'given', detail });
    expect(withCr3(own, 0x7000n)).to.deep.equal({ ...own, cr3: given(0x7000n), pdptes: given(null) });
    expect(withCr3(own, 1n, '--cr3')).to.deep.equal({ ...own, cr3: given(1n, '--cr3'), pdptes: given(null, '--cr3') });
    const registers = { cr0: 0x8000_0000n, nestedCr3: 0x1000n, cr4: 0x20n, efer: 0n };
    const unused = { value: false, from: 'not-in-use', cause: { code: 'smep-decides-nothing' } };
    for (const [stage, hypervisorSmep] of [
      [null, unused],
      [{ kind: 'npt', registers }, unused],
      [{ kind: 'ept', eptp: 0x1001en }, unused],
      [
        { kind: 'npt', registers, smep: 'unknown' },
        { value: false, from: 'assumed', cause: { code: 'smep-not-stated' } },
      ],
    ] as const) {
      expect(withNestedStage(own, stage)).to.deep.equal({ ...own, nested: given(stage), hypervisorSmep });
    }
  });

  it('gives a walk all that it has', () => {
    const registers = {
      cr0: 0x8001_0011n,
      cr3: 0x1000n,
      cr4: 0x20n,
      efer: 0xd00n,
      rflags: 2n,
      cpl: 0,
      pkru: 0,
      pkrs: 0,
    };
    const processor = { maxPhyAddr: 40, vendor: 'intel', pse36: true, pdpe1gb: true, profile: INTEL } as const;
    expect(contextOf(vcpuStateWith())).to.deep.equal(createContext({ ...registers, a20: true }, processor));
    const given = <T>(value: T) => sourced(value, 'given', '');
    const more = vcpuStateWith({
      cr4: given(0x141_0020n),
      rflags: given(0x4_0002n),
      cpl: given(3),
      pkru: given(0x55),
      pkrs: given(0x66),
      a20: given(false),
      csL: given(false),
      maxPhyAddr: given(46),
      vendor: given('amd' as const),
      pse36: given(false),
      pdpe1gb: given(false),
      encryptionBit: given(45),
      accelerator: given('tcg' as const),
    });
    const changed = { ...registers, cr4: 0x141_0020n, rflags: 0x4_0002n, cpl: 3, pkru: 0x55, pkrs: 0x66 };
    const features = {
      maxPhyAddr: 46,
      vendor: 'amd',
      pse36: false,
      pdpe1gb: false,
      profile: afterTcg(AMD),
      encryptionBit: 45,
    } as const;
    expect(contextOf(more)).to.deep.equal(createContext({ ...changed, a20: false, csL: false }, features));
    expect(contextOf(more, KVM)).to.deep.equal(
      createContext({ ...changed, a20: false, csL: false }, { ...features, profile: afterTcg(KVM) }),
    );
    const pae = vcpuStateWith({ efer: given(0x800n), pdptes: given([0x1001n, 0x2001n, 0n, 0x4001n] as const) });
    expect(contextOf(pae)).to.deep.equal(
      createContext({ ...registers, efer: 0x800n, a20: true, pdptes: [0x1001n, 0x2001n, 0n, 0x4001n] }, processor),
    );
    expect(contextOf(pae).latched).not.to.equal(null);
  });

  it('gives its second stage what the hypervisor has', () => {
    const own = vcpuStateWith();
    const features = { maxPhyAddr: 40, vendor: 'intel', pse36: true, pdpe1gb: true, profile: INTEL } as const;
    expect(nestedContextOf(own)).to.equal(null);
    const registers = { cr0: 0x8000_0000n, nestedCr3: 0x1_0000n, cr4: 0x20n, efer: 0x400n };
    const npt = withNestedStage(own, { kind: 'npt', registers });
    expect(nestedContextOf(npt, AMD)).to.deep.equal(createNpt(registers, { ...features, profile: AMD }));
    const smep = { ...npt, hypervisorSmep: sourced(true, 'device-state', '') } as const;
    const withSmep = createNpt({ ...registers, cr4: 0x10_0020n }, { ...features, profile: AMD });
    expect(nestedContextOf(smep, AMD)).to.deep.equal(withSmep);
    expect(withSmep).not.to.deep.equal(nestedContextOf(npt, AMD));
    expect(nestedContextOf(npt)).to.deep.equal(createNpt(registers, features));
    const ept = withNestedStage(own, { kind: 'ept', eptp: 0x1_001en });
    expect(nestedContextOf(ept)).to.deep.equal(createEpt(0x1_001en, { maxPhyAddr: 40 }));
    const capabilities = { modeBasedExecute: true };
    expect(nestedContextOf(withNestedStage(own, { kind: 'ept', eptp: 0x1_001en, capabilities }))).to.deep.equal(
      createEpt(0x1_001en, { ...capabilities, maxPhyAddr: 40 }),
    );
  });

  it('knows how its machine would walk, if one runs it', () => {
    const tcg = sourced('tcg' as const, 'monitor', '');
    expect(machineProfile(vcpuStateWith())).to.equal(KVM);
    expect(machineProfile(vcpuStateWith({ accelerator: sourced(null, 'given', '') }))).to.equal(undefined);
    expect(machineProfile(vcpuStateWith({ accelerator: tcg }))).to.deep.equal(tcgProfile([7, 2, 22]));
    expect(machineProfile(vcpuStateWith({ accelerator: tcg, qemuVersion: [8, 0, 1] }))).to.deep.equal(
      tcgProfile([8, 0, 1]),
    );
    const { qemuVersion: _, ...unknown } = vcpuStateWith({ accelerator: tcg });
    expect(machineProfile(unknown)).to.equal(TCG);
  });
});
