import { formatHex, type Translation } from '../paging/index.ts';
import { isSameOutcome } from './retranslate.ts';
import type { VcpuState } from './vcpu-state.ts';

function describe(translation: Translation): string {
  if (translation.kind === 'mapped') return `maps it to ${formatHex(translation.physicalAddress)}`;
  const { vector, errorCode, reason } = translation;
  const exception = vector === 14 ? '#PF' : vector === 13 ? '#GP' : '#SS';
  return `raises ${exception}${errorCode === null ? '' : ` with error code ${formatHex(errorCode)}`} (${reason})`;
}

function machineName({ accelerator, qemuVersion }: VcpuState): string {
  return accelerator.value === 'kvm' ? "KVM's walker" : `QEMU ${qemuVersion.join('.')}'s TCG`;
}

/**
 * Where the machine that runs the guest would answer otherwise than the answer at hand, in one line; null where it would not.
 * An unbacked table is left out: what the processor reads there is not defined in the first place.
 *
 * @param onMachine - the same question with the machine's own profile
 * @internal
 */
export function describeDeviation(state: VcpuState, translation: Translation, onMachine: Translation): string | null {
  if (translation.kind === 'fault' && translation.cause === 'unbacked-table') return null;
  if (isSameOutcome(onMachine, translation)) return null;
  return `${machineName(state)} ${describe(onMachine)}`;
}
