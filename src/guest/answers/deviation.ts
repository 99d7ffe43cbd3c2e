import type { NestedTranslation, Translation } from '../../paging/index.ts';
import { type Machine, machineOf } from '../vcpu/machine.ts';
import type { VcpuState } from '../vcpu/vcpu-state.ts';
import { isSameOutcome } from '../walks/retranslate.ts';
import { isSameNestedOutcome, isUnbacked } from '../walks/retranslate-nested.ts';

/** Where the machine that runs a guest answers otherwise than its processor would. `formatDeviation` makes a line of it. @public */
export interface Deviation {
  readonly machine: Machine;
  /** The same question, answered by that machine. */
  readonly outcome: Translation | NestedTranslation;
}

/**
 * Where the machine that runs the guest would answer otherwise than the answer at hand; null where it would not.
 * An unbacked table is left out: what the processor reads there is not defined in the first place.
 *
 * @param onMachine - the same question with the machine's own profile
 * @internal
 */
export function findDeviation(state: VcpuState, translation: Translation, onMachine: Translation): Deviation | null {
  if (translation.kind === 'fault' && translation.cause === 'unbacked-table') return null;
  if (isSameOutcome(onMachine, translation)) return null;
  return { machine: machineOf(state), outcome: onMachine };
}

/**
 * The same for a nested guest (L2), over both stages: what that guest sees, and what its hypervisor (L1) is told.
 *
 * @param onMachine - the same question with the machine's own profile in both stages
 * @internal
 */
export function findNestedDeviation(
  state: VcpuState,
  translation: NestedTranslation,
  onMachine: NestedTranslation,
): Deviation | null {
  if (isUnbacked(translation) || isSameNestedOutcome(onMachine, translation)) return null;
  return { machine: machineOf(state), outcome: onMachine };
}
