import { DeviceStateError } from '../errors.ts';
import { ByteReader } from './byte-reader.ts';
import type { CpuDeviceState } from './device-state.ts';

const KVM_NESTED_GUEST_MODE = 1;

/** Where an SVM guest's nested page table is, under TCG. @public */
export interface NestedPaging {
  readonly nestedCr3: bigint;
  /** How the host pages, as QEMU counts it: bit 0 PAE, 1 LMA, 2 NXE, 3 PSE, 4 LA57. */
  readonly nestedPgMode: number;
}

/** PKRU. Absent from the state means 0. @public */
export function readPkru(cpu: CpuDeviceState): number {
  return open(cpu, 'cpu/pkru', 4)?.u32() ?? 0;
}

/** IA32_PKRS. Absent from the state means 0. @public */
export function readPkrs(cpu: CpuDeviceState): number {
  return open(cpu, 'cpu/pkrs', 4)?.u32() ?? 0;
}

/** The four PDPTEs that the CPU holds under PAE, if they were saved: KVM keeps them, TCG reads memory each time. @public */
export function readPdptrs(cpu: CpuDeviceState): readonly bigint[] | undefined {
  return open(cpu, 'cpu/pdptrs', 32)?.u64s(4);
}

/** The nested page table of the SVM guest that runs, if one runs with nested paging. @public */
export function readNestedPaging(cpu: CpuDeviceState): NestedPaging | undefined {
  // The name is QEMU's, misspelt since the beginning.
  const reader = open(cpu, 'cpu/svn_npt', 12);
  return reader === undefined ? undefined : { nestedCr3: reader.u64(), nestedPgMode: reader.u32() };
}

/** KVM runs the guest of a hypervisor in the guest: KVM_STATE_NESTED_GUEST_MODE. Where its tables are QEMU does not know. @public */
export function runsNestedUnderKvm(cpu: CpuDeviceState): boolean {
  const flagsHigh = open(cpu, 'cpu/nested_state', 8)?.u32() ?? 0;
  return ((flagsHigh >>> 16) & KVM_NESTED_GUEST_MODE) !== 0;
}

/** The interrupt control of the VMCB that runs, under TCG. @public */
export function readSvmIntCtl(cpu: CpuDeviceState): number | undefined {
  return open(cpu, 'cpu/svm_guest', 4)?.u32();
}

function open(cpu: CpuDeviceState, name: string, sizeBytes: number): ByteReader | undefined {
  const subsection = cpu.subsections.get(name);
  if (subsection === undefined) return undefined;
  if (subsection.data.length < sizeBytes) {
    throw new DeviceStateError(`${name} of vCPU ${cpu.cpuIndex} has only ${subsection.data.length} bytes`, 0);
  }
  return new ByteReader(subsection.data);
}
