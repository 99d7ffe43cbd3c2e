import type { InfoRegisters } from '../../../protocols/qmp/index.ts';
import {
  AMD,
  afterTcg,
  CR0_PG,
  CR4_PAE,
  CR4_PKE,
  CR4_PKS,
  CR4_SMEP,
  createContext,
  createEpt,
  createNpt,
  EFER_LMA,
  INTEL,
  KVM,
  type NestedContext,
  type PagingContext,
  type ProcessorFeatures,
  type Profile,
  TCG,
  tcgProfile,
} from '../../paging/index.ts';
import { GuestStateError } from '../errors.ts';
import { type HiddenRegisters, type HiddenRegistersInUse, NO_HIDDEN_REGISTERS } from './hidden-registers.ts';
import type { NestedStage } from './nested-state.ts';
import type { Processor } from './processor.ts';
import { assumed, notInUse, type Sourced, sourced } from './sourced.ts';

/** Everything of one vCPU that a translation depends on, each value with its source. @public */
export interface VcpuState extends Processor, HiddenRegisters {
  readonly cpu: number;
  readonly cr0: Sourced<bigint>;
  readonly cr3: Sourced<bigint>;
  readonly cr4: Sourced<bigint>;
  readonly efer: Sourced<bigint>;
  readonly rflags: Sourced<bigint>;
  readonly cs: Sourced<bigint>;
  readonly ss: Sourced<bigint>;
  /** CS.L, where the caller says that code in compatibility mode is meant; 64-bit code unless given. */
  readonly csL?: Sourced<boolean>;
  /** Current privilege level. Accesses are judged by what the request says; TCG looks at it for implicit ones. */
  readonly cpl: Sourced<number>;
  /** False while the A20 gate masks bit 20 of physical addresses. */
  readonly a20: Sourced<boolean>;
  /** SEV's C-bit, where the caller says that there is one. */
  readonly encryptionBit: Sourced<number | null>;
  /** Where it is; absent where the guest comes from what does not say. No translation depends on it. */
  readonly position?: VcpuPosition;
  /** Which machine's behaviour is asked for; null is the architecture, as the vendor defines it. */
  readonly profile: Sourced<Profile | null>;
}

/** Where a vCPU is in its code and its stack. @public */
export interface VcpuPosition {
  /** An offset in the code segment, whose base is 0 in 64-bit code. */
  readonly rip: Sourced<bigint>;
  readonly csBase: Sourced<bigint>;
  /** Of the other segments; absent where the guest comes from what does not say. */
  readonly bases?: Readonly<Record<'es' | 'ss' | 'ds' | 'fs' | 'gs', Sourced<bigint>>>;
  /** Absent where only the monitor was asked. */
  readonly rsp?: Sourced<bigint>;
  /** The address of the last page fault. */
  readonly cr2: Sourced<bigint>;
}

/** The registers of a `g` reply, by the names of the target description. */
type Registers = ReadonlyMap<string, bigint>;

function register(registers: Registers, name: string, from: 'gdb-stub' | 'monitor'): Sourced<bigint> {
  const value = registers.get(name);
  if (value === undefined) throw new GuestStateError(`the GDB stub's target description has no register "${name}"`);
  return sourced(value, from, from === 'monitor' ? `info registers, ${name}` : `register ${name}`);
}

/** Secure virtual machine enable: without it no nested guest (L2) runs. */
const EFER_SVME = 1n << 12n;

/**
 * Which of the registers that the stub does not show a question needs. What the question gives itself is not among them.
 *
 * PDPTE registers are loaded when CR3 is, and when PAE paging is switched on (SDM vol. 3A, 4.4.1): only a vCPU that is in PAE
 * paging has any that count. Whether it runs a nested guest does not change with the question: the vCPU's own EFER says it.
 *
 * @param own - the vCPU as it is
 * @param asked - the same as the question has it
 * @internal
 */
export function hiddenRegistersInUse(own: VcpuState, asked: VcpuState): HiddenRegistersInUse {
  const longMode = (asked.efer.value & EFER_LMA) !== 0n;
  return {
    pkru: isUnread(asked.pkru) && longMode && (asked.cr4.value & CR4_PKE) !== 0n,
    pkrs: isUnread(asked.pkrs) && longMode && (asked.cr4.value & CR4_PKS) !== 0n,
    pdptes: isUnread(asked.pdptes) && mayRunUnderKvm(own) && isPae(own) && isPae(asked),
    nested: isUnread(asked.nested) && (own.efer.value & EFER_SVME) !== 0n,
  };
}

/** TCG reads PDPTEs from memory each time, and saves none. */
function mayRunUnderKvm({ accelerator }: VcpuState): boolean {
  return accelerator.value === 'kvm' || accelerator.from === 'assumed';
}

function isUnread({ from }: Sourced<unknown>): boolean {
  return from === 'not-in-use';
}

function isPae({ cr0, cr4, efer }: VcpuState): boolean {
  return (cr0.value & CR0_PG) !== 0n && (cr4.value & CR4_PAE) !== 0n && (efer.value & EFER_LMA) === 0n;
}

/** The vCPU with what a question needs of these registers. @internal */
export function withHiddenRegisters(
  state: VcpuState,
  inUse: HiddenRegistersInUse,
  { pkru, pkrs, pdptes, nested, hypervisorSmep }: HiddenRegisters,
): VcpuState {
  return {
    ...state,
    ...(inUse.pkru ? { pkru } : {}),
    ...(inUse.pkrs ? { pkrs } : {}),
    ...(inUse.pdptes ? { pdptes } : {}),
    ...(inUse.nested ? { nested, hypervisorSmep } : {}),
  };
}

/**
 * A vCPU without what no stub shows: a question says whether it needs any of that.
 *
 * @param shown - `info registers` of the vCPU
 * @param registers - of the stub's `g`, which makes KVM hand its registers over first; or of `info registers`, which does too
 * @throws {@link GuestStateError} when the stub does not describe a register that decides translations.
 * @internal
 */
export function assembleVcpuState(
  shown: InfoRegisters,
  registers: Registers,
  processor: Processor,
  from: 'gdb-stub' | 'monitor' = 'gdb-stub',
): VcpuState {
  const read = (name: string): Sourced<bigint> => register(registers, name, from);
  return {
    ...processor,
    ...NO_HIDDEN_REGISTERS,
    cpu: shown.cpuIndex,
    cr0: read('cr0'),
    cr3: read('cr3'),
    cr4: read('cr4'),
    efer: read('efer'),
    rflags: read('eflags'),
    cs: read('cs'),
    ss: read('ss'),
    position: positionOf(shown, registers),
    cpl: sourced(shown.cpl, 'monitor', 'info registers, CPL'),
    a20: sourced(shown.a20, 'monitor', 'info registers, A20'),
    encryptionBit: notInUse(null, { code: 'no-c-bit' }),
    profile: notInUse(null, { code: 'no-profile' }),
  };
}

function positionOf({ rip, cr2, segments }: InfoRegisters, registers: Registers): VcpuPosition {
  const rsp = registers.get('rsp') ?? registers.get('esp');
  const base = (name: 'es' | 'ss' | 'ds' | 'fs' | 'gs'): Sourced<bigint> =>
    sourced(segments[name].base, 'monitor', `info registers, ${name.toUpperCase()}`);
  return {
    rip: sourced(rip, 'monitor', 'info registers, RIP'),
    csBase: sourced(segments.cs.base, 'monitor', 'info registers, CS'),
    bases: { es: base('es'), ss: base('ss'), ds: base('ds'), fs: base('fs'), gs: base('gs') },
    ...(rsp === undefined ? {} : { rsp: sourced(rsp, 'gdb-stub', 'register rsp') }),
    cr2: sourced(cr2, 'monitor', 'info registers, CR2'),
  };
}

/**
 * The same vCPU with another address space. A MOV to CR3 loads the PDPTE registers of PAE paging from memory.
 *
 * @param detail - where CR3 comes from
 * @internal
 */
export function withCr3(state: VcpuState, cr3: bigint, detail = 'the request'): VcpuState {
  return {
    ...state,
    pdptes: sourced(null, 'given', detail),
    cr3: sourced(cr3, 'given', detail),
  };
}

/** The same vCPU behind another second stage, or none. @internal */
export function withNestedStage(state: VcpuState, stage: NestedStage | null): VcpuState {
  const hypervisorSmep =
    stage?.kind === 'npt' && stage.smep === 'unknown'
      ? assumed(false, { code: 'smep-not-stated' })
      : NO_HIDDEN_REGISTERS.hypervisorSmep;
  return { ...state, nested: sourced(stage, 'given', 'the request'), hypervisorSmep };
}

/**
 * The profile of the machine that runs the guest: what it would answer where it differs from the manuals. Undefined where no
 * machine runs it.
 *
 * @internal
 */
export function machineProfile(state: VcpuState): Profile | undefined {
  const { accelerator, qemuVersion } = state;
  if (accelerator.value === null) return undefined;
  return accelerator.value === 'kvm' ? KVM : qemuVersion === undefined ? TCG : tcgProfile(qemuVersion);
}

/**
 * How this guest's tables are judged: by the profile that is named, else by the vendor's manual. A profile says how to judge, not
 * what has happened to memory: where TCG runs the guest it has set a bit in PAE PDPTEs that a processor, which holds them in
 * registers, does not see, and no profile holds that bit against them.
 */
function judgedAs(state: VcpuState, profile: Profile | undefined): Profile {
  const architecture = state.vendor.value === 'amd' ? AMD : INTEL;
  const judge = profile ?? state.profile.value ?? architecture;
  return state.accelerator.value === 'tcg' ? afterTcg(judge) : judge;
}

/**
 * Everything of a vCPU state that a walk needs.
 *
 * @param profile - instead of the one that the state names
 * @public
 */
export function contextOf(state: VcpuState, profile?: Profile): PagingContext {
  const { pdptes } = state;
  return createContext(
    {
      cr0: state.cr0.value,
      cr3: state.cr3.value,
      cr4: state.cr4.value,
      efer: state.efer.value,
      rflags: state.rflags.value,
      cpl: state.cpl.value,
      pkru: state.pkru.value,
      pkrs: state.pkrs.value,
      a20: state.a20.value,
      ...(state.csL === undefined ? {} : { csL: state.csL.value }),
      ...(pdptes.value === null ? {} : { pdptes: pdptes.value }),
    },
    featuresOf(state, profile),
  );
}

function featuresOf(state: VcpuState, profile: Profile | undefined): ProcessorFeatures {
  const { encryptionBit } = state;
  return {
    maxPhyAddr: state.maxPhyAddr.value,
    vendor: state.vendor.value,
    pse36: state.pse36.value,
    pdpe1gb: state.pdpe1gb.value,
    profile: judgedAs(state, profile),
    ...(encryptionBit.value === null ? {} : { encryptionBit: encryptionBit.value }),
  };
}

/**
 * The second stage that a vCPU state names; null where it names none.
 *
 * @throws PagingInputError `ERR_PAGING_EPTP` for an EPT pointer that no processor takes.
 * @public
 */
export function nestedContextOf(state: VcpuState, profile?: Profile): NestedContext | null {
  const stage = state.nested.value;
  if (stage === null) return null;
  const features = featuresOf(state, profile);
  if (stage.kind === 'npt') {
    const { registers } = stage;
    const smep = state.hypervisorSmep.value ? CR4_SMEP : 0n;
    return createNpt({ ...registers, cr4: registers.cr4 | smep }, features);
  }
  return createEpt(stage.eptp, { ...stage.capabilities, maxPhyAddr: features.maxPhyAddr });
}
