import type { InfoRegisters } from '../../protocols/qmp/index.ts';
import {
  AMD,
  afterTcg,
  CR4_PKE,
  CR4_PKS,
  createContext,
  EFER_LMA,
  INTEL,
  type PagingContext,
} from '../paging/index.ts';
import { GuestStateError } from './errors.ts';
import type { KeyRegisters } from './key-registers.ts';
import type { Processor } from './processor.ts';
import { type Sourced, sourced } from './sourced.ts';

/** Everything of one vCPU that a translation depends on, each value with its source. @public */
export interface VcpuState extends Processor {
  readonly cpu: number;
  readonly cr0: Sourced<bigint>;
  readonly cr3: Sourced<bigint>;
  readonly cr4: Sourced<bigint>;
  readonly efer: Sourced<bigint>;
  readonly rflags: Sourced<bigint>;
  readonly cs: Sourced<bigint>;
  readonly ss: Sourced<bigint>;
  /** Current privilege level: shown, but accesses are judged by what the request says. */
  readonly cpl: Sourced<number>;
  readonly pkru: Sourced<number>;
  readonly pkrs: Sourced<number>;
}

/** The registers of a `g` reply, by the names of the target description. */
type Registers = ReadonlyMap<string, bigint>;

function fromStub(registers: Registers, name: string): Sourced<bigint> {
  const value = registers.get(name);
  if (value === undefined) throw new GuestStateError(`the GDB stub's target description has no register "${name}"`);
  return sourced(value, 'gdb-stub', `register ${name}`);
}

/** Which key registers the modes in use need. @internal */
export function keyRegistersInUse(registers: Registers): { pkru: boolean; pkrs: boolean } {
  const cr4 = registers.get('cr4') ?? 0n;
  const longMode = ((registers.get('efer') ?? 0n) & EFER_LMA) !== 0n;
  return { pkru: longMode && (cr4 & CR4_PKE) !== 0n, pkrs: longMode && (cr4 & CR4_PKS) !== 0n };
}

/**
 * @param shown - `info registers` of the vCPU
 * @param registers - of the stub's `g`, which makes KVM hand its registers over first
 * @throws {@link GuestStateError} when the stub does not describe a register that decides translations.
 * @internal
 */
export function assembleVcpuState(
  shown: InfoRegisters,
  registers: Registers,
  processor: Processor,
  keys: KeyRegisters,
): VcpuState {
  return {
    ...processor,
    ...keys,
    cpu: shown.cpuIndex,
    cr0: fromStub(registers, 'cr0'),
    cr3: fromStub(registers, 'cr3'),
    cr4: fromStub(registers, 'cr4'),
    efer: fromStub(registers, 'efer'),
    rflags: fromStub(registers, 'eflags'),
    cs: fromStub(registers, 'cs'),
    ss: fromStub(registers, 'ss'),
    cpl: sourced(shown.cpl, 'monitor', 'info registers, CPL'),
  };
}

/** The same vCPU with another address space. @internal */
export function withCr3(state: VcpuState, cr3: bigint): VcpuState {
  return { ...state, cr3: sourced(cr3, 'given', 'the request') };
}

/** @internal */
export function contextOf(state: VcpuState): PagingContext {
  const architecture = state.vendor.value === 'amd' ? AMD : INTEL;
  return createContext(
    {
      cr0: state.cr0.value,
      cr3: state.cr3.value,
      cr4: state.cr4.value,
      efer: state.efer.value,
      rflags: state.rflags.value,
      pkru: state.pkru.value,
      pkrs: state.pkrs.value,
    },
    {
      maxPhyAddr: state.maxPhyAddr.value,
      pse36: state.pse36.value,
      pdpe1gb: state.pdpe1gb.value,
      profile: state.accelerator.value === 'tcg' ? afterTcg(architecture) : architecture,
    },
  );
}
