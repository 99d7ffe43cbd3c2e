import { formatPrintable } from '../../transport/internal.ts';
import { DeviceStateError } from '../errors.ts';
import { ByteReader } from './byte-reader.ts';
import type { DeviceStateTarget } from './cpu-fields.ts';

/** An optional part of a `cpu` section. @public */
export interface CpuSubsection {
  /** `cpu/pkru`, `cpu/svn_npt`, ... */
  readonly name: string;
  readonly version: number;
  /** Its fields, big-endian, without the header. */
  readonly data: Uint8Array;
}

const SUBSECTION = 0x05;
const PREFIX = Buffer.from('cpu/');
/** The list of QEMU 10 has about forty. */
const MAX_SUBSECTIONS = 128;
/**
 * Of all subsections of a vCPU: those that are known have 30 KB together. It also bounds how far the end of an unknown one is
 * searched, as a file may have a section at every other kilobyte.
 */
const MAX_BYTES = 131_072;

/** Bytes of the subsections at version 1, as the lists of fields in QEMU's target/i386/machine.c add up (7.2 to 10.2). */
const SIZES: Readonly<Record<string, number>> = {
  'cpu/exception_info': 11,
  'cpu/async_pf_msr': 8,
  'cpu/async_pf_int_msr': 8,
  'cpu/async_pv_eoi_msr': 8,
  'cpu/steal_time_msr': 8,
  'cpu/poll_control_msr': 8,
  'cpu/fpop_ip_dp': 18,
  'cpu/msr_tsc_adjust': 8,
  'cpu/msr_tscdeadline': 8,
  'cpu/msr_ia32_misc_enable': 8,
  'cpu/msr_ia32_feature_control': 8,
  'cpu/msr_architectural_pmu': 344,
  'cpu/mpx': 88,
  'cpu/msr_hyperv_hypercall': 16,
  'cpu/msr_hyperv_vapic': 8,
  'cpu/msr_hyperv_time': 8,
  'cpu/msr_hyperv_crash': 40,
  'cpu/msr_hyperv_runtime': 8,
  'cpu/msr_hyperv_synic': 152,
  'cpu/msr_hyperv_stimer': 64,
  'cpu/msr_hyperv_reenlightenment': 24,
  'cpu/xss': 8,
  'cpu/umwait': 4,
  'cpu/tsc_khz': 8,
  'cpu/msr_smi_count': 8,
  'cpu/pkru': 4,
  'cpu/pkrs': 4,
  'cpu/spec_ctrl': 8,
  'cpu/amd_tsc_scale_msr': 8,
  'cpu/mcg_ext_ctl': 8,
  'cpu/intel_pt': 104,
  'cpu/virt_ssbd': 8,
  'cpu/svn_npt': 12,
  'cpu/svm_guest': 4,
  'cpu/efer32': 8,
  // The nested ones follow their parent directly, so that they can be read as if they were its neighbours.
  'cpu/nested_state': 8,
  'cpu/kvm_nested_state/vmx': 18,
  'cpu/kvm_nested_state/vmx/vmcs12': 4096,
  'cpu/kvm_nested_state/vmx/shadow_vmcs12': 4096,
  'cpu/kvm_nested_state/svm': 8 + 4096,
  'cpu/msr_tsx_ctrl': 4,
  'cpu/intel_sgx': 32,
  'cpu/pdptrs': 32,
  'cpu/msr_xfd': 16,
  'cpu/msr_hwcr': 8,
  'cpu/intel_amx_xtile': 64 + 8192,
  'cpu/arch_lbr': 16 + 32 * 24,
  'cpu/triple_fault': 1,
  'cpu/error_code': 4,
};
/** Depends on the number of registers: masks, upper halves of 0 to 15, and in 64 bits all of 16 to 31. */
const AVX512_SIZES: Readonly<Record<DeviceStateTarget, number>> = { x86_64: 64 + 16 * 32 + 16 * 64, i386: 64 + 8 * 32 };

/** Whether a subsection of a `cpu` section begins here: `05`, the length of the name, `cpu/`. @internal */
export function isSubsection(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset] === SUBSECTION && (bytes[offset + 1] ?? 0) > PREFIX.length && hasPrefix(bytes, offset + 2);
}

/**
 * Reads the subsections from `offset` up to the end of the section. The stream tells no lengths: they are known by name, and
 * a subsection that is not known lasts to where the next one or the end of the section can be recognised.
 *
 * @throws DeviceStateError (`ERR_QMP_DEVICE_STATE`) when they cannot be told apart with certainty.
 * @internal
 */
export function readSubsections(
  bytes: Uint8Array,
  offset: number,
  target: DeviceStateTarget,
  isSectionEnd: (offset: number) => boolean,
): ReadonlyMap<string, CpuSubsection> {
  const subsections = new Map<string, CpuSubsection>();
  const limit = Math.min(bytes.length, offset + MAX_BYTES);
  let at = offset;
  while (!isSectionEnd(at)) {
    if (!isSubsection(bytes, at)) throw new DeviceStateError('neither a subsection nor the end of the cpu section', at);
    const reader = new ByteReader(bytes, at + 1);
    const name = reader.name();
    const version = reader.u32();
    // The guest has a say in some of the contents. One that imitates a header must not put a second value beside the real one.
    if (subsections.has(name) || subsections.size >= MAX_SUBSECTIONS) {
      throw new DeviceStateError(`the subsection ${formatPrintable(name)} is one too many`, at);
    }
    if (at >= limit) throw new DeviceStateError(`the subsections of a vCPU have more than ${MAX_BYTES} bytes`, at);
    const start = reader.offset;
    const size = knownSize(name, version, target) ?? searchEnd(bytes, { start, limit }, isSectionEnd) - start;
    subsections.set(name, { name, version, data: reader.bytes(size) });
    at = start + size;
  }
  return subsections;
}

function knownSize(name: string, version: number, target: DeviceStateTarget): number | undefined {
  if (version !== 1) return undefined;
  return name === 'cpu/avx512' ? AVX512_SIZES[target] : SIZES[name];
}

function searchEnd(
  bytes: Uint8Array,
  { start, limit }: { start: number; limit: number },
  isSectionEnd: (offset: number) => boolean,
): number {
  for (let at = start; at < limit; at++) {
    if (isSubsection(bytes, at) || isSectionEnd(at)) return at;
  }
  throw new DeviceStateError(`an unknown subsection has no end within ${MAX_BYTES} bytes`, start);
}

function hasPrefix(bytes: Uint8Array, offset: number): boolean {
  return PREFIX.every((byte, index) => bytes[offset + index] === byte);
}
