import type { PagingRegisters, ProcessorFeatures, QemuVersion } from '../../paging/index.ts';
import type { SourceName } from '../source-names.ts';
import { NO_HIDDEN_REGISTERS } from '../vcpu/hidden-registers.ts';
import type { NestedStage } from '../vcpu/nested-state.ts';
import { assumed, notInUse, type Sourced, sourced } from '../vcpu/sourced.ts';
import { type VcpuState, withNestedStage } from '../vcpu/vcpu-state.ts';

/**
 * One vCPU in plain values, for a source that has its own. What is absent is assumed where a question needs it, and every answer
 * that rests on it says so.
 *
 * @public
 */
export interface GivenVcpu {
  /** RFLAGS, CPL and the A20 gate are assumed to be as after reset unless given: 2, 0 and open. */
  readonly registers: PagingRegisters;
  readonly features?: Partial<ProcessorFeatures>;
  /** Shown, and judged by no walk. */
  readonly cs?: bigint;
  readonly ss?: bigint;
  /** The second stage behind which the vCPU runs a nested guest (L2); null for none. */
  readonly nested?: NestedStage | null;
  /** What runs the guest, where something does: answers then say what it would answer otherwise. */
  readonly machine?: { readonly accelerator: 'kvm' | 'tcg'; readonly qemuVersion?: QemuVersion };
}

/** Where the values of a vCPU come from. @public */
export interface GivenOrigin {
  /** Its number; 0 unless given. */
  readonly cpu?: number;
  /** `caller` unless given. */
  readonly from?: SourceName;
  /** What they were read from, as answers show it before each register's name: `registers.json`. */
  readonly where?: string;
}

/** The widest there is, so that no address bit is taken for a reserved one. */
const WIDEST_MAXPHYADDR = 52;
const RFLAGS_AT_RESET = 2n;

/**
 * Makes the state of a vCPU out of plain values, each with its source.
 *
 * @public
 */
export function vcpuStateOf(given: GivenVcpu, { cpu = 0, from = 'caller', where }: GivenOrigin = {}): VcpuState {
  const { registers, features = {}, nested, machine } = given;
  const detail = (name: string): string => (where === undefined ? name : `${where}, ${name}`);
  const read = <T>(value: T, name: string): Sourced<T> => sourced(value, from, detail(name));
  const orAssumed = <T>(value: T | undefined, fallback: T, name: string): Sourced<T> =>
    value === undefined ? assumed(fallback, { code: 'not-given', what: name }) : read(value, name);
  const orUnused = <T>(value: T | undefined, unused: Sourced<T>, name: string): Sourced<T> =>
    value === undefined ? unused : read(value, name);
  const { csL } = registers;
  const state: VcpuState = {
    ...NO_HIDDEN_REGISTERS,
    cpu,
    cr0: read(registers.cr0, 'cr0'),
    cr3: read(registers.cr3, 'cr3'),
    cr4: read(registers.cr4, 'cr4'),
    efer: read(registers.efer, 'efer'),
    rflags: orAssumed(registers.rflags, RFLAGS_AT_RESET, 'RFLAGS'),
    cs: orAssumed(given.cs, 0n, 'cs'),
    ss: orAssumed(given.ss, 0n, 'ss'),
    ...(csL === undefined ? {} : { csL: read(csL, 'cs.l') }),
    cpl: orAssumed(registers.cpl, 0, 'the CPL'),
    a20: orAssumed(registers.a20, true, 'the A20 gate'),
    pkru: orUnused(registers.pkru, NO_HIDDEN_REGISTERS.pkru, 'pkru'),
    pkrs: orUnused(registers.pkrs, NO_HIDDEN_REGISTERS.pkrs, 'pkrs'),
    pdptes: orUnused(registers.pdptes, NO_HIDDEN_REGISTERS.pdptes, 'pdptes'),
    maxPhyAddr: orAssumed(features.maxPhyAddr, WIDEST_MAXPHYADDR, 'MAXPHYADDR'),
    vendor: orAssumed(features.vendor, 'intel', 'the vendor'),
    pse36: orAssumed(features.pse36, true, 'CPUID.PSE-36'),
    pdpe1gb: orAssumed(features.pdpe1gb, true, 'CPUID.Page1GB'),
    encryptionBit: orUnused(features.encryptionBit, notInUse(null, { code: 'no-c-bit' }), 'C-bit'),
    profile: orUnused(features.profile, notInUse(null, { code: 'no-profile' }), 'profile'),
    accelerator: orUnused(machine?.accelerator, notInUse(null, { code: 'no-machine' }), 'accelerator'),
    ...(machine?.qemuVersion === undefined ? {} : { qemuVersion: machine.qemuVersion }),
  };
  return nested === undefined ? state : { ...withNestedStage(state, nested), nested: read(nested, 'nested') };
}
