import type { UnavailableCause } from '../causes/unavailable-cause.ts';

/** What may have to be assumed: a value of the vCPU's state by its name there, or one of what lies around it. @public */
export type AssumedName =
  | 'cr0'
  | 'cr4'
  | 'efer'
  | 'pkru'
  | 'pkrs'
  | 'pdptes'
  | 'nested'
  /** CR4.SMEP of the hypervisor whose guest the vCPU runs. */
  | 'hypervisorSmep'
  | 'rflags'
  | 'cpl'
  | 'a20'
  | 'maxPhyAddr'
  | 'vendor'
  | 'pse36'
  | 'pdpe1gb'
  | 'accelerator'
  /** Pages of tables that a dump was made without. */
  | 'leftOut'
  /** That registers and tables are of one moment. */
  | 'moment'
  /** That the guest ran before it was paused. */
  | 'runState'
  /** PAT and MTRRs. */
  | 'memoryTypes'
  /** Registers of a virtual trust level, which are not the vCPU's own or not all given. */
  | 'vtl'
  /** PAT and CR0 of the hypervisor whose guest the vCPU runs. */
  | 'hypervisorMemoryTypes';

/** What a source may leave out, and hardly any answer rests on: an answer names these only where another value could change it. */
const OFTEN_LEFT_OUT: readonly AssumedName[] = ['rflags', 'cpl', 'a20'];

/** Whether an answer has to name an assumption. @internal */
export function isSaid({ name, decides }: Pick<Assumption, 'name' | 'decides'>): boolean {
  return decides || !OFTEN_LEFT_OUT.includes(name);
}

/** A value that was unavailable, and what an answer took in its place. @public */
export interface Assumption {
  readonly name: AssumedName;
  /** What was taken. Null where that is no value: PDPTE registers are taken to be as memory has them, a second stage to be none. */
  readonly value: number | string | boolean | null;
  /** Why the value was unavailable. */
  readonly cause: UnavailableCause;
  /** Whether another value could have changed the answer. */
  readonly decides: boolean;
}
