import type { ByteReader } from './byte-reader.ts';

/** The QEMU that wrote the state: natural words have 8 bytes in `x86_64` and 4 in `i386`. @public */
export type DeviceStateTarget = 'x86_64' | 'i386';

/** A segment or system-table register with its hidden part. @public */
export interface DeviceStateSegment {
  readonly selector: number;
  readonly base: bigint;
  readonly limit: number;
  /** The second word of the descriptor as the CPU keeps it: DPL in bits 13 to 14, L in bit 21, D/B in bit 22. */
  readonly flags: number;
}

/** The general segment registers. @public */
export type DeviceStateSegmentName = 'es' | 'cs' | 'ss' | 'ds' | 'fs' | 'gs';

/** Memory type range registers. @public */
export interface DeviceStateMtrr {
  /** 64K_00000, 16K_80000, 16K_A0000, then 4K_C0000 to 4K_F8000. */
  readonly fixed: readonly bigint[];
  readonly defType: bigint;
  readonly variable: readonly { readonly base: bigint; readonly mask: bigint }[];
}

/** The fixed part of a `cpu` section, version 12; the same from QEMU 7.2 to 10.2. @public */
export interface CpuFields {
  /** In the order of instruction encoding: RAX RCX RDX RBX RSP RBP RSI RDI R8..R15; 8 of them in `i386`. */
  readonly generalRegisters: readonly bigint[];
  readonly rip: bigint;
  readonly rflags: bigint;
  /** QEMU's own summary: bits 0 to 1 CPL, 7 PE, 14 LMA, 15 CS64, 19 SMM, 20 SVME, 21 guest mode (SVM). */
  readonly hflags: number;
  /** Bit 0 GIF, bit 6 NPT. */
  readonly hflags2: number;
  readonly segments: Readonly<Record<DeviceStateSegmentName, DeviceStateSegment>>;
  readonly ldt: DeviceStateSegment;
  readonly tr: DeviceStateSegment;
  readonly gdt: DeviceStateSegment;
  readonly idt: DeviceStateSegment;
  readonly cr0: bigint;
  readonly cr2: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly dr: readonly bigint[];
  /** 0xffffffff with A20 open, 0xffefffff with A20 masked. */
  readonly a20Mask: number;
  readonly star: bigint;
  readonly lstar: bigint;
  readonly cstar: bigint;
  readonly fmask: bigint;
  readonly kernelGsBase: bigint;
  readonly smbase: number;
  readonly pat: bigint;
  /** MSR VM_HSAVE_PA. */
  readonly vmHsave: bigint;
  /** Guest-physical address of the VMCB that runs, in SVM guest mode. */
  readonly vmVmcb: bigint;
  readonly mtrr: DeviceStateMtrr;
  readonly mpState: number;
  readonly tscAux: bigint;
  readonly xcr0: bigint;
}

/** Bytes of what {@link readCpuFields} reads. @internal */
export const CPU_FIELDS_BYTES: Readonly<Record<DeviceStateTarget, number>> = { x86_64: 1817, i386: 1313 };

const FPU_BYTES = 4 * 2 + 8 * 10;
/** tsc_offset and the SVM intercepts: u64 u64 u16 u16 u16 u16 u32, then v_tpr u8. */
const SVM_INTERCEPT_BYTES = 29;
/** tsc u64, exception_nr u32, four flags of a byte, sipi_vector u32; mcg_cap, _status, _ctl u64; ten banks of four u64. */
const TSC_TO_MCE_BYTES = 8 + 4 + 4 + 4 + 3 * 8 + 40 * 8;

/** Reads the fields in the order in which QEMU writes them. @throws DeviceStateError when the bytes end too early. @internal */
export function readCpuFields(reader: ByteReader, target: DeviceStateTarget): CpuFields & { readonly efer: bigint } {
  const is64 = target === 'x86_64';
  const registerCount = is64 ? 16 : 8;
  const word = (): bigint => (is64 ? reader.u64() : BigInt(reader.u32()));
  const words = (count: number): bigint[] => Array.from({ length: count }, word);
  const segment = (): DeviceStateSegment => {
    return { selector: reader.u32(), base: word(), limit: reader.u32(), flags: reader.u32() };
  };

  const generalRegisters = words(registerCount);
  const [rip, rflags] = [word(), word()];
  const hflags = reader.u32();
  reader.skip(FPU_BYTES);
  const segments = { es: segment(), cs: segment(), ss: segment(), ds: segment(), fs: segment(), gs: segment() };
  const [ldt, tr, gdt, idt] = [segment(), segment(), segment(), segment()];
  reader.skip(4); // sysenter_cs
  words(2); // sysenter_esp, sysenter_eip
  const [cr0, cr2, cr3, cr4] = [word(), word(), word(), word()];
  const dr = words(8);
  const a20Mask = reader.u32();
  reader.skip(4 + registerCount * 16); // mxcsr, xmm
  const [efer, star, lstar, cstar, fmask, kernelGsBase] = is64
    ? [reader.u64(), reader.u64(), reader.u64(), reader.u64(), reader.u64(), reader.u64()]
    : [0n, 0n, 0n, 0n, 0n, 0n];
  const smbase = reader.u32();
  const pat = reader.u64();
  const hflags2 = reader.u32();
  const [vmHsave, vmVmcb] = [reader.u64(), reader.u64()];
  reader.skip(SVM_INTERCEPT_BYTES);
  const mtrr = readMtrr(reader);
  reader.skip(4); // interrupt_injected
  const mpState = reader.u32();
  reader.skip(TSC_TO_MCE_BYTES);
  const tscAux = reader.u64();
  reader.skip(16); // the two MSRs of kvmclock
  const xcr0 = reader.u64();
  reader.skip(8 + registerCount * 16); // xstate_bv, the upper halves of ymm

  return {
    ...{ generalRegisters, rip, rflags, hflags, hflags2, segments, ldt, tr, gdt, idt, cr0, cr2, cr3, cr4, dr, a20Mask },
    ...{ efer, star, lstar, cstar, fmask, kernelGsBase, smbase, pat, vmHsave, vmVmcb, mtrr, mpState, tscAux, xcr0 },
  };
}

function readMtrr(reader: ByteReader): DeviceStateMtrr {
  return {
    fixed: reader.u64s(11),
    defType: reader.u64(),
    variable: Array.from({ length: 8 }, () => ({ base: reader.u64(), mask: reader.u64() })),
  };
}
