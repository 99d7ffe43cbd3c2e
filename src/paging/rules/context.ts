import { PagingInputError } from '../errors.ts';
import {
  CR0_PG,
  CR0_WP,
  CR4_CET,
  CR4_LA57,
  CR4_PAE,
  CR4_PKE,
  CR4_PKS,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_NXE,
  ENTRY_XD_HIGH,
  RFLAGS_AC,
} from './architecture.ts';
import { highHalf, lowHalf } from './halves.ts';
import { compileLevel, type Level } from './levels.ts';
import { compileLinearAddressRules, type LinearAddressRules } from './linear-address.ts';
import { MODES, type ModeRow, type PagingMode } from './modes.ts';
import { AMD, INTEL, type Profile } from './profiles.ts';
import type { PagingRegisters } from './registers.ts';
import { type AccessRules, ORDINARY_RULES, type Policy } from './rights.ts';

/** What CPUID says about the processor, as far as a translation depends on it. @public */
export interface ProcessorFeatures {
  /** MAXPHYADDR: width of a physical address, 32 to 52. CPUID.80000008H:EAX[7:0]. */
  readonly maxPhyAddr: number;
  /** Whose manual applies where the two differ. Default `intel`. */
  readonly vendor?: 'intel' | 'amd';
  /** CPUID.01H:EDX.PSE-36. Default true. */
  readonly pse36?: boolean;
  /** CPUID.80000001H:EDX.Page1GB. Default true. */
  readonly pdpe1gb?: boolean;
  /**
   * SEV's C-bit: the position of the bit in entries and CR3 that says "encrypted" and is no address bit, 32 to 51.
   * CPUID.8000001FH:EBX[5:0]. APM vol. 2, 15.34.
   */
  readonly encryptionBit?: number;
  /** Which machine's behaviour to follow. Default: the architecture, as `vendor` defines it. */
  readonly profile?: Profile;
}

/**
 * Registers and features, made ready for any number of walks. Immutable.
 *
 * @public
 */
export interface PagingContext {
  readonly mode: PagingMode;
  readonly profile: Profile;
  /** Physical address of the root table; 0 when paging is off. */
  readonly root: bigint;
  /** Width of a linear address in this mode: 32, 48 or 57. */
  readonly linearBits: 32 | 48 | 57;
  /** @internal */
  readonly linearAddress: LinearAddressRules;
  /** @internal The PDPTE registers, in halves, where they are known and the mode is PAE. */
  readonly latched: { readonly lows: Int32Array; readonly highs: Int32Array } | null;
  /** @internal Bit 20 while the A20 gate masks it, else 0. */
  readonly a20Masked: number;
  /** @internal CR4.CET: shadow-stack accesses exist. */
  readonly hasShadowStacks: boolean;
  /** @internal Top to bottom; empty when paging is off. */
  readonly levels: readonly Level[];
  /** @internal `root` as a number: it has at most 52 bits. */
  readonly rootAddress: number;
  /** @internal */
  readonly policy: Policy;
  /** @internal How rights are accumulated and judged. */
  readonly rules: AccessRules;
}

const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** SDM vol. 3A, 4.1.1. PAE is tested before LMA, because PAE=0 with LMA=1 can be forged but never run as long mode. */
function selectMode({ cr0, cr4, efer }: PagingRegisters): PagingMode {
  if (!(cr0 & CR0_PG)) return 'off';
  if (!(cr4 & CR4_PAE)) return '32-bit';
  if (!(efer & EFER_LMA)) return 'pae';
  return cr4 & CR4_LA57 ? '5-level' : '4-level';
}

/** PCID, LAM and cache-control bits are never part of the root. SDM vol. 3A, 4.3, 4.4.1, 4.5.2. */
function rootOf(row: ModeRow, cr3: bigint, profile: Profile): bigint {
  const bits = row.linearBits === 32 ? profile.legacyRootBits : row.linearBits === 57 ? profile.la57RootBits : 52;
  return (BigInt.asUintN(bits, cr3) >> BigInt(row.rootShift)) << BigInt(row.rootShift);
}

function withoutBit(value: bigint, bit: number | undefined): bigint {
  return bit === undefined ? value : value & ~(1n << BigInt(bit));
}

function toHalves(values: readonly bigint[]): { lows: Int32Array; highs: Int32Array } {
  return { lows: Int32Array.from(values, lowHalf), highs: Int32Array.from(values, highHalf) };
}

function policyOf(row: ModeRow | null, registers: PagingRegisters, profile: Profile): Policy {
  const { cr0, cr4, efer, rflags = 0n, cpl = 0, pkru = 0, pkrs = 0 } = registers;
  const keys = row?.protectionKeys ?? false;
  // NXE has no effect with 32-bit paging, whose entries have no bit 63. SDM vol. 3A, 4.1.3.
  const nxe = (efer & EFER_NXE) !== 0n;
  const pae = (cr4 & CR4_PAE) !== 0n;
  const smep = (cr4 & CR4_SMEP) !== 0n;
  const alignmentCheck = (rflags & RFLAGS_AC) !== 0n;
  return {
    writeProtect: (cr0 & CR0_WP) !== 0n,
    smep,
    smap: (cr4 & CR4_SMAP) !== 0n,
    alignmentCheck,
    executeDisableHigh: nxe && pae ? ENTRY_XD_HIGH : 0,
    reportsFetch: smep || (nxe && (pae || !profile.fetchReportNeedsPae)),
    // Without AC there is nothing to honour, whatever the CPL: two contexts that judge alike are alike.
    implicitHonoursAc: alignmentCheck && profile.implicitHonoursAc && cpl < 3,
    userFaultReportsKey: profile.userFaultReportsKey,
    protectionKeys: keys,
    userKeys: keys && (cr4 & CR4_PKE) !== 0n ? pkru : 0,
    supervisorKeys: keys && (cr4 & CR4_PKS) !== 0n ? pkrs : 0,
    modeBasedExecute: false,
    guestModeExecuteTrap: false,
    supervisorShadowStack: false,
    pagingWrite: false,
  };
}

function checkRegisters(registers: PagingRegisters, processor: ProcessorFeatures): void {
  for (const name of ['cr0', 'cr3', 'cr4', 'efer', 'rflags'] as const) {
    const value = registers[name] ?? 0n;
    if (value < 0n || value > U64_MAX) {
      throw new PagingInputError('ERR_PAGING_REGISTER', `${name} does not fit 64 bits`);
    }
  }
  for (const name of ['pkru', 'pkrs'] as const) {
    const value = registers[name] ?? 0;
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
      throw new PagingInputError('ERR_PAGING_REGISTER', `${name} is not an unsigned 32-bit number: ${value}`);
    }
  }
  const { cpl = 0 } = registers;
  if (!Number.isInteger(cpl) || cpl < 0 || cpl > 3) {
    throw new PagingInputError('ERR_PAGING_REGISTER', `CPL is 0 to 3, not ${cpl}`);
  }
  registers.pdptes?.forEach((value) => {
    if (BigInt.asUintN(64, value) !== value) {
      throw new PagingInputError('ERR_PAGING_REGISTER', 'a PDPTE does not fit 64 bits');
    }
  });
  const { maxPhyAddr, encryptionBit } = processor;
  if (encryptionBit !== undefined && !(Number.isInteger(encryptionBit) && encryptionBit >= 32 && encryptionBit <= 51)) {
    throw new PagingInputError('ERR_PAGING_PROCESSOR', `the C-bit is one of bits 32 to 51, not ${encryptionBit}`);
  }
  if (!Number.isInteger(maxPhyAddr) || maxPhyAddr < 32 || maxPhyAddr > 52) {
    throw new PagingInputError('ERR_PAGING_PROCESSOR', `MAXPHYADDR is ${maxPhyAddr}; a processor has 32 to 52`);
  }
}

/**
 * Works registers and features into a context for walks.
 *
 * @throws {@link PagingInputError} `ERR_PAGING_REGISTER` for a value wider than its register, `ERR_PAGING_PROCESSOR` for a
 * MAXPHYADDR outside 32 to 52.
 * @public
 */
export function createContext(registers: PagingRegisters, processor: ProcessorFeatures): PagingContext {
  checkRegisters(registers, processor);
  const mode = selectMode(registers);
  const row = mode === 'off' ? null : MODES[mode];
  const profile = processor.profile ?? (processor.vendor === 'amd' ? AMD : INTEL);
  const policy = policyOf(row, registers, profile);
  const conditions = {
    maxPhyAddr: processor.maxPhyAddr,
    vendor: processor.vendor ?? 'intel',
    pse: (registers.cr4 & CR4_PSE) !== 0n,
    nxe: policy.executeDisableHigh !== 0,
    pse36: processor.pse36 ?? true,
    pdpe1gb: processor.pdpe1gb ?? true,
    profile,
    encryptionHigh: processor.encryptionBit === undefined ? 0 : 1 << (processor.encryptionBit - 32),
  };
  const root = row ? rootOf(row, withoutBit(registers.cr3, processor.encryptionBit), profile) : 0n;
  return {
    mode,
    profile,
    root,
    linearBits: row?.linearBits ?? 32,
    linearAddress: compileLinearAddressRules(row, registers, profile),
    latched: mode === 'pae' && registers.pdptes ? toHalves(registers.pdptes) : null,
    a20Masked: registers.a20 === false ? 1 << 20 : 0,
    hasShadowStacks: (registers.cr4 & CR4_CET) !== 0n,
    levels: row ? row.levels.map((level) => compileLevel(row, level, conditions)) : [],
    rootAddress: Number(root),
    policy,
    rules: ORDINARY_RULES,
  };
}
