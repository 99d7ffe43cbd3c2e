import { notInUse, sourced } from '../../../src/guest/vcpu/sourced.ts';
import type { VcpuState } from '../../../src/guest/vcpu/vcpu-state.ts';

/** The state of a vCPU in 64-bit mode with its root table at 0x1000, everything known; a test replaces what it is about. */
export function vcpuStateWith(replaced: Partial<VcpuState> = {}): VcpuState {
  return {
    cpu: 0,
    cr0: sourced(0x8001_0011n, 'gdb-stub', 'register cr0'),
    cr3: sourced(0x1000n, 'gdb-stub', 'register cr3'),
    cr4: sourced(0x20n, 'gdb-stub', 'register cr4'),
    efer: sourced(0xd00n, 'gdb-stub', 'register efer'),
    rflags: sourced(2n, 'gdb-stub', 'register eflags'),
    cs: sourced(0x10n, 'gdb-stub', 'register cs'),
    ss: sourced(0x18n, 'gdb-stub', 'register ss'),
    cpl: sourced(0, 'monitor', 'info registers, CPL'),
    a20: sourced(true, 'monitor', 'info registers, A20'),
    encryptionBit: notInUse(null, { code: 'no-c-bit' }),
    profile: notInUse(null, { code: 'no-profile' }),
    pkru: notInUse(0, { code: 'no-protection-keys', bit: 'PKE' }),
    pkrs: notInUse(0, { code: 'no-protection-keys', bit: 'PKS' }),
    pdptes: notInUse(null, { code: 'no-pdpte-registers' }),
    nested: notInUse(null, { code: 'svm-off' }),
    hypervisorSmep: notInUse(false, { code: 'smep-decides-nothing' }),
    accelerator: sourced('kvm', 'monitor', 'query-kvm'),
    qemuVersion: [7, 2, 22],
    maxPhyAddr: sourced(40, 'qom', 'cpu.phys-bits'),
    vendor: sourced('intel', 'qom', 'cpu.vendor'),
    pse36: sourced(true, 'qom', 'cpu.pse36'),
    pdpe1gb: sourced(true, 'qom', 'cpu.pdpe1gb'),
    ...replaced,
  };
}
