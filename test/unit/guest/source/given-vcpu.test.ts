import { expect } from 'chai';
import { vcpuStateOf } from '../../../../src/guest/source/given-vcpu.ts';

const REGISTERS = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n };
const assumed = (value: unknown, what: string) => ({ value, from: 'assumed', cause: { code: 'not-given', what } });
const unused = (value: unknown, cause: object) => ({ value, from: 'not-in-use', cause });

describe('the state of a vCPU of plain values', () => {
  it('assumes what was not given, or has no use for it, and says so', () => {
    const read = (value: unknown, detail: string) => ({ value, from: 'caller', detail });
    expect(vcpuStateOf({ registers: REGISTERS })).to.deep.equal({
      cpu: 0,
      cr0: read(0x8001_0011n, 'cr0'),
      cr3: read(0x1000n, 'cr3'),
      cr4: read(0x20n, 'cr4'),
      efer: read(0xd00n, 'efer'),
      rflags: assumed(2n, 'RFLAGS'),
      cs: assumed(0n, 'cs'),
      ss: assumed(0n, 'ss'),
      cpl: assumed(0, 'the CPL'),
      a20: assumed(true, 'the A20 gate'),
      pkru: unused(0, { code: 'no-protection-keys', bit: 'PKE' }),
      pkrs: unused(0, { code: 'no-protection-keys', bit: 'PKS' }),
      pdptes: unused(null, { code: 'no-pdpte-registers' }),
      nested: unused(null, { code: 'svm-off' }),
      hypervisorSmep: unused(false, { code: 'smep-decides-nothing' }),
      maxPhyAddr: assumed(52, 'MAXPHYADDR'),
      vendor: assumed('intel', 'the vendor'),
      pse36: assumed(true, 'CPUID.PSE-36'),
      pdpe1gb: assumed(true, 'CPUID.Page1GB'),
      encryptionBit: unused(null, { code: 'no-c-bit' }),
      profile: unused(null, { code: 'no-profile' }),
      accelerator: unused(null, { code: 'no-machine' }),
    });
  });

  it('has what was given, with where it comes from', () => {
    const pdptes = [1n, 2n, 3n, 4n] as const;
    const registers = { ...REGISTERS, rflags: 0n, csL: false, cpl: 3, a20: false, pkru: 5, pkrs: 6, pdptes } as const;
    const features = { maxPhyAddr: 40, vendor: 'amd', pse36: false, pdpe1gb: false, encryptionBit: 47 } as const;
    const machine = { accelerator: 'tcg', qemuVersion: [7, 2, 0] } as const;
    const read = (value: unknown, name: string) => ({ value, from: 'registers-file', detail: `a.json, ${name}` });
    const state = vcpuStateOf(
      { registers, features, cs: 8n, ss: 16n, machine, nested: null },
      { cpu: 3, from: 'registers-file', where: 'a.json' },
    );
    expect(state).to.deep.equal({
      cpu: 3,
      cr0: read(0x8001_0011n, 'cr0'),
      cr3: read(0x1000n, 'cr3'),
      cr4: read(0x20n, 'cr4'),
      efer: read(0xd00n, 'efer'),
      rflags: read(0n, 'RFLAGS'),
      cs: read(8n, 'cs'),
      ss: read(16n, 'ss'),
      csL: read(false, 'cs.l'),
      cpl: read(3, 'the CPL'),
      a20: read(false, 'the A20 gate'),
      pkru: read(5, 'pkru'),
      pkrs: read(6, 'pkrs'),
      pdptes: read(pdptes, 'pdptes'),
      nested: read(null, 'nested'),
      hypervisorSmep: unused(false, { code: 'smep-decides-nothing' }),
      maxPhyAddr: read(40, 'MAXPHYADDR'),
      vendor: read('amd', 'the vendor'),
      pse36: read(false, 'CPUID.PSE-36'),
      pdpe1gb: read(false, 'CPUID.Page1GB'),
      encryptionBit: read(47, 'C-bit'),
      profile: unused(null, { code: 'no-profile' }),
      accelerator: read('tcg', 'accelerator'),
      qemuVersion: [7, 2, 0],
    });
  });
});
