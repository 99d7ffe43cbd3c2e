import { expect } from 'chai';
import {
  type CpuDeviceState,
  DeviceStateError,
  parseDeviceState,
  readNestedPaging,
  readPdptrs,
  readPkrs,
  readPkru,
  readSvmIntCtl,
  runsNestedUnderKvm,
} from '../../../../protocols/qmp/index.ts';
import { PROTECTION_KEYS } from '../../../support/builders/protection-keys-rom.ts';
import { readFixture } from '../../../support/fakes/read-fixture.ts';
import { Random } from '../../../support/random/random.ts';

const STATE = readFixture('qmp/device-state/x86_64.bin');

function cpuOf(bytes: Uint8Array, cpuIndex = 0): CpuDeviceState {
  const cpu = parseDeviceState(bytes).cpus.get(cpuIndex);
  if (cpu === undefined) throw new Error(`no vCPU ${cpuIndex}`);
  return cpu;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function u64(...values: bigint[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  values.forEach((value, index) => {
    bytes.writeBigUInt64BE(value, 8 * index);
  });
  return bytes;
}

function subsection(name: string, data: Uint8Array, version = 1): Buffer {
  return Buffer.concat([Buffer.of(5, name.length), Buffer.from(name), u32(version), data]);
}

/** The recorded state with more subsections at the end of vCPU 0's section, where QEMU would have put them. */
function withSubsections(...added: readonly Buffer[]): Buffer {
  const end = STATE.indexOf(Buffer.concat([Buffer.of(0x7e), sectionId(STATE)]));
  return Buffer.concat([STATE.subarray(0, end), ...added, STATE.subarray(end)]);
}

/** The id of the first `cpu` section. */
function sectionId(state: Buffer): Buffer {
  const name = state.indexOf('\x03cpu', 0, 'latin1');
  return state.subarray(name - 4, name);
}

function expectRefusal(bytes: Uint8Array, problem: RegExp): void {
  expect(() => parseDeviceState(bytes)).to.throw(DeviceStateError, problem);
}

describe('parseDeviceState', () => {
  it('reads what a guest set that no register interface shows', () => {
    const cpu = cpuOf(STATE);
    expect(cpu).to.include({ cpuIndex: 0, target: 'x86_64' });
    expect(readPkru(cpu).toString(16)).to.equal(PROTECTION_KEYS.pkru.toString(16));
    expect(readPkrs(cpu).toString(16)).to.equal(PROTECTION_KEYS.pkrs.toString(16));
    expect(cpu.pat.toString(16)).to.equal(PROTECTION_KEYS.pat.toString(16));
    expect(cpu.efer.toString(16)).to.equal(PROTECTION_KEYS.efer.toString(16));
    expect(cpu.vmHsave.toString(16)).to.equal(PROTECTION_KEYS.vmHsave.toString(16));
    expect(cpu.cr4.toString(16)).to.equal('1400000');
  });

  it('reads the rest of the fixed part', () => {
    const cpu = cpuOf(STATE);
    expect(cpu.cr0.toString(16)).to.equal('60000010');
    expect(cpu.rflags.toString(16)).to.match(/^[0-9a-f]{1,3}$/);
    expect(cpu.a20Mask.toString(16)).to.equal('ffffffff');
    expect(cpu.smbase.toString(16)).to.equal('30000');
    expect(cpu.xcr0).to.equal(1n);
    expect(cpu.segments.cs).to.deep.equal({ selector: 0xf000, base: 0xffff0000n, limit: 0xffff, flags: 0x9b00 });
    expect(cpu.tr).to.deep.equal({ selector: 0, base: 0n, limit: 0xffff, flags: 0x8b00 });
    expect(cpu.gdt).to.deep.equal({ selector: 0, base: 0n, limit: 0xffff, flags: 0 });
    expect(cpu.dr.map((value) => value.toString(16))).to.deep.equal(['0', '0', '0', '0', '0', '0', 'ffff0ff0', '400']);
    expect(cpu.mtrr.fixed.length).to.equal(11);
    expect(cpu.mtrr.variable.length).to.equal(8);
    expect(cpu.generalRegisters.length).to.equal(16);
    expect([...cpu.subsections.keys()]).to.deep.equal([
      'cpu/poll_control_msr',
      'cpu/msr_ia32_misc_enable',
      'cpu/pkru',
      'cpu/pkrs',
    ]);
  });

  it('keeps the vCPUs apart', () => {
    const second = cpuOf(STATE, 1);
    expect(parseDeviceState(STATE).cpus.size).to.equal(2);
    expect([readPkru(second), readPkrs(second), second.efer]).to.deep.equal([0, 0, 0n]);
    expect(second.pat.toString(16)).to.equal('7040600070406');
  });

  it('reads the narrow layout of qemu-system-i386', () => {
    const { cpus } = parseDeviceState(readFixture('qmp/device-state/i386.bin'));
    expect([...cpus.keys()]).to.deep.equal([0, 1]);
    const cpu = cpus.get(1);
    expect(cpu).to.include({ target: 'i386', efer: 0n, smbase: 0x30000, a20Mask: 0xffffffff, xcr0: 1n });
    expect(cpu?.rip.toString(16)).to.equal('fff0');
    expect(cpu?.pat.toString(16)).to.equal('7040600070406');
    expect(cpu?.generalRegisters.length).to.equal(8);
    const { star, lstar, cstar, fmask, kernelGsBase } = cpu ?? {};
    expect([star, lstar, cstar, fmask, kernelGsBase]).to.deep.equal([0n, 0n, 0n, 0n, 0n]);
    expect([...(cpu?.subsections.keys() ?? [])]).to.deep.equal(['cpu/poll_control_msr']);
  });

  it('reads the EFER that i386 keeps apart', () => {
    const state = readFixture('qmp/device-state/i386.bin');
    const end = state.indexOf(Buffer.concat([Buffer.of(0x7e), sectionId(state)]));
    const efer32 = subsection('cpu/efer32', u64(0x800n));
    const cpu = cpuOf(Buffer.concat([state.subarray(0, end), efer32, state.subarray(end)]));
    expect(cpu.efer.toString(16)).to.equal('800');
  });

  it('reads a machine so old that its sections have no footers', () => {
    const cpu = cpuOf(readFixture('qmp/device-state/no-footers.bin'));
    expect(cpu).to.include({ target: 'x86_64', smbase: 0x30000 });
    expect([...cpu.subsections.keys()]).to.deep.equal(['cpu/poll_control_msr']);
  });

  it('reads what nested SVM and PAE leave', () => {
    const nested = u64(0x1234_5000n);
    const cpu = cpuOf(
      withSubsections(
        subsection('cpu/svn_npt', Buffer.concat([nested, u32(0x7)])),
        subsection('cpu/svm_guest', u32(0x0100_0000)),
        subsection('cpu/pdptrs', u64(1n, 2n, 3n, 0xffff_ffff_ffff_ffffn)),
      ),
    );
    expect(readNestedPaging(cpu)).to.deep.equal({ nestedCr3: 0x1234_5000n, nestedPgMode: 7 });
    expect(readSvmIntCtl(cpu)).to.equal(0x0100_0000);
    expect(readPdptrs(cpu)?.map((value) => value.toString(16))).to.deep.equal(['1', '2', '3', 'ffffffffffffffff']);
  });

  it('says that they are not there', () => {
    const cpu = cpuOf(STATE);
    expect([readNestedPaging(cpu), readSvmIntCtl(cpu), readPdptrs(cpu)]).to.deep.equal([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('goes past subsections of unknown names and versions', () => {
    const unknown = subsection('cpu/from_the_future', Buffer.from('anything of any length'));
    const newer = subsection('cpu/xss', Buffer.from('more than 8 bytes'), 2);
    const cpu = cpuOf(withSubsections(unknown, newer, subsection('cpu/svm_guest', u32(9))));
    expect(Buffer.from(cpu.subsections.get('cpu/from_the_future')?.data ?? []).toString()).to.equal(
      'anything of any length',
    );
    expect(cpu.subsections.get('cpu/xss')).to.include({ version: 2 });
    expect(readSvmIntCtl(cpu)).to.equal(9);
  });

  it('goes by the fields that each subsection has in QEMU, whatever they contain', () => {
    const wide: Readonly<Record<string, number>> = {
      ...{ msr_architectural_pmu: 43, mpx: 11, msr_hyperv_hypercall: 2, msr_hyperv_crash: 5, msr_hyperv_synic: 19 },
      ...{ msr_hyperv_stimer: 8, msr_hyperv_reenlightenment: 3, intel_pt: 13, intel_sgx: 4, pdptrs: 4, msr_xfd: 2 },
      ...{ 'kvm_nested_state/vmx/vmcs12': 512, 'kvm_nested_state/vmx/shadow_vmcs12': 512, 'kvm_nested_state/svm': 513 },
      ...{ intel_amx_xtile: 1032, arch_lbr: 2 + 32 * 3, avx512: 8 + 16 * 4 + 16 * 8 },
    };
    const single = ['async_pf_msr', 'async_pf_int_msr', 'async_pv_eoi_msr', 'steal_time_msr', 'msr_tsc_adjust'];
    single.push('msr_tscdeadline', 'msr_ia32_feature_control', 'msr_hyperv_vapic', 'msr_hyperv_time', 'xss', 'tsc_khz');
    single.push('msr_hyperv_runtime', 'msr_smi_count', 'spec_ctrl', 'amd_tsc_scale_msr', 'mcg_ext_ctl', 'virt_ssbd');
    single.push('efer32', 'nested_state', 'msr_hwcr');
    const odd: Readonly<Record<string, number>> = {
      ...{ exception_info: 4 + 3 + 4, fpop_ip_dp: 2 + 2 * 8, umwait: 4, svn_npt: 8 + 4, svm_guest: 4, msr_tsx_ctrl: 4 },
      ...{ 'kvm_nested_state/vmx': 2 * 8 + 2, triple_fault: 1, error_code: 4 },
    };
    const sizes = {
      ...Object.fromEntries(Object.entries(wide).map(([name, words]) => [name, 8 * words])),
      ...Object.fromEntries(single.map((name) => [name, 8])),
      ...odd,
    };
    // Contents that imitate the header of another.
    const forged = subsection('cpu/pkru', Buffer.alloc(4));
    const added = Object.entries(sizes).map(([name, size]) => subsection(`cpu/${name}`, Buffer.alloc(size, forged)));
    const { subsections } = cpuOf(withSubsections(...added));
    for (const [name, size] of Object.entries(sizes)) {
      expect(subsections.get(`cpu/${name}`)?.data.length, name).to.equal(size);
    }
  });

  it('reads the nested state of KVM, whatever it contains', () => {
    const forged = Buffer.alloc(4096);
    subsection('cpu/pkru', u32(0)).copy(forged, 100);
    const cpu = cpuOf(
      withSubsections(
        subsection('cpu/nested_state', Buffer.alloc(8)),
        subsection('cpu/kvm_nested_state/vmx', Buffer.alloc(18)),
        subsection('cpu/kvm_nested_state/vmx/vmcs12', forged),
      ),
    );
    expect(readPkru(cpu)).to.equal(PROTECTION_KEYS.pkru);
    expect(runsNestedUnderKvm(cpu)).to.equal(false);
  });

  it('knows whether KVM runs a nested guest (L2)', () => {
    const flags = (value: number): Buffer =>
      subsection('cpu/nested_state', Buffer.concat([u32(value * 0x1_0000), u32(0)]));
    // KVM_STATE_NESTED_GUEST_MODE, and KVM_STATE_NESTED_GIF_SET.
    expect(
      [0x1, 0x101, 0x100, 0].map((value) => runsNestedUnderKvm(cpuOf(withSubsections(flags(value))))),
    ).to.deep.equal([true, true, false, false]);
    expect(runsNestedUnderKvm(cpuOf(STATE))).to.equal(false);
  });

  it('refuses a subsection that comes twice', () => {
    expectRefusal(withSubsections(subsection('cpu/pkru', u32(0))), /"cpu\/pkru" is one too many/);
  });

  it('refuses a subsection of the wrong length', () => {
    expectRefusal(withSubsections(subsection('cpu/svm_guest', Buffer.alloc(5))), /neither a subsection nor the end/);
    const short = subsection('cpu/svm_guest', Buffer.alloc(2), 2);
    expect(() => readSvmIntCtl(cpuOf(withSubsections(short)))).to.throw(DeviceStateError, /only 2 bytes \(at byte 0\)/);
  });

  it('refuses an unknown subsection that has no end', () => {
    const whole = withSubsections(subsection('cpu/from_the_future', Buffer.alloc(10)));
    const cut = whole.subarray(0, whole.indexOf('cpu/from_the_future') + 'cpu/from_the_future'.length + 8);
    expectRefusal(cut, /an unknown subsection has no end/);
  });

  it('refuses a vCPU that comes twice, as a guest could forge one in a device', () => {
    const name = STATE.indexOf('\x03cpu', 0, 'latin1');
    const end = STATE.indexOf(Buffer.concat([Buffer.of(0x7e), sectionId(STATE)]));
    const section = STATE.subarray(name - 5, end + 5);
    const forged = Buffer.concat([STATE.subarray(0, -200), section, STATE.subarray(-200)]);
    expectRefusal(forged, /vCPU 0 is in it twice/);
  });

  it('reads 8192 vCPUs, and no more', () => {
    const start = STATE.indexOf('\x03cpu', 0, 'latin1') - 5;
    const footer = Buffer.concat([Buffer.of(0x7e), sectionId(STATE)]);
    const one = STATE.subarray(start, STATE.indexOf(footer) + footer.length);
    const sections = Array.from({ length: 8193 }, (_, at) => {
      const section = Buffer.from(one);
      section.writeUInt32BE(1000 + at, 1 + 4 + 4);
      return section;
    });
    const tooMany = Buffer.concat([STATE.subarray(0, start), ...sections, STATE.subarray(start)]);
    expect(() => parseDeviceState(tooMany))
      .to.throw(DeviceStateError, /more than 8192 vCPUs/)
      .with.property('offset', start + 8192 * one.length);
  });

  it('refuses what is no device state', () => {
    expectRefusal(Buffer.alloc(0), /ends in the middle of a field \(at byte 0\)/);
    expectRefusal(Buffer.from('QEVM\0\0\0'), /ends in the middle of a field \(at byte 4\)/);
    expectRefusal(Buffer.from('\x7fELF0000'), /does not begin with QEVM \(at byte 0\)/);
    expectRefusal(Buffer.from('QEVM\0\0\0\x02'), /not version 3 \(at byte 4\)/);
    expectRefusal(Buffer.from('QEVM\0\0\0\x03\0'), /no vCPU of a known layout in it \(at byte 9\)/);
  });

  it('looks at 256 MiB, and no more', () => {
    expectRefusal(new Uint8Array(2 ** 28), /does not begin with QEVM/);
    expectRefusal(new Uint8Array(2 ** 28 + 1), /more than 268435456 bytes/);
  });

  it('reads it the same wherever it lies in a larger buffer', () => {
    const shifted = Buffer.concat([Buffer.alloc(13), STATE]).subarray(13);
    expect(parseDeviceState(shifted)).to.deep.equal(parseDeviceState(STATE));
  });

  it('gives nothing wrong of a file that was cut, at any length', () => {
    // Behind the vCPUs are other devices, where one place is like the other.
    const endOfCpus = STATE.lastIndexOf('cpu/poll_control_msr') + 100;
    for (let end = 0; end < STATE.length; end += end < endOfCpus ? 1 : 61) {
      const cpus = parseOrRefuse(STATE.subarray(0, end));
      if (cpus !== undefined) expect(readPkru(cpus.get(0) ?? cpuOf(STATE))).to.equal(PROTECTION_KEYS.pkru);
    }
  });

  it('ends in an answer or a refusal, whatever the bytes', () => {
    const { PAGEWALK_SEED } = process.env;
    const seed = Number(PAGEWALK_SEED ?? Math.floor(Math.random() * 0x1_0000_0000));
    for (let round = 0; round < 2000; round++) {
      const random = new Random(seed + round);
      const bytes = Buffer.from(STATE);
      for (let change = random.between(1, 20); change > 0; change--) bytes[random.below(2500)] = random.below(256);
      try {
        parseOrRefuse(bytes);
      } catch (error) {
        throw new Error(`PAGEWALK_SEED=${seed} round ${round}`, { cause: error });
      }
    }
  });
});

/** The vCPUs, or undefined for a refusal; everything else is thrown on. */
function parseOrRefuse(bytes: Uint8Array): ReadonlyMap<number, CpuDeviceState> | undefined {
  try {
    return parseDeviceState(bytes).cpus;
  } catch (error) {
    if (error instanceof DeviceStateError) return undefined;
    throw error;
  }
}
