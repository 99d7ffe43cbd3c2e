import { formatHex, type NestedTranslation, type Translation } from '../../paging/index.ts';
import type { VcpuState } from '../vcpu/vcpu-state.ts';
import { isSameOutcome } from '../walks/retranslate.ts';
import { isSameNestedOutcome, isUnbacked } from '../walks/retranslate-nested.ts';

function describe(translation: Translation): string {
  if (translation.kind === 'mapped') return `maps it to ${formatHex(translation.physicalAddress)}`;
  const { vector, errorCode, reason } = translation;
  const exception = vector === 14 ? '#PF' : vector === 13 ? '#GP' : '#SS';
  return `raises ${exception}${errorCode === null ? '' : ` with error code ${formatHex(errorCode)}`} (${reason})`;
}

/** The machine that runs the guest, for messages. @public */
export function machineName({ accelerator, qemuVersion }: VcpuState): string {
  if (accelerator.value === 'kvm') return "KVM's walker";
  if (accelerator.value === null) return 'the machine that runs the guest';
  return qemuVersion === undefined ? "QEMU's TCG" : `QEMU ${qemuVersion.join('.')}'s TCG`;
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

function describeNested(translation: NestedTranslation): string {
  if (translation.kind === 'guest-fault') return describe(translation.guest);
  if (translation.kind === 'mapped') {
    const { l2PhysicalAddress, l1PhysicalAddress } = translation;
    return `maps it to L2 physical ${formatHex(l2PhysicalAddress)}, L1 physical ${formatHex(l1PhysicalAddress)}`;
  }
  const { exitInfo1, exitQualification, l2PhysicalAddress, cause, reason } = translation;
  if (exitInfo1 !== null) {
    return `exits with #NPF, EXITINFO1 ${formatHex(exitInfo1)}, EXITINFO2 ${formatHex(l2PhysicalAddress)} (${reason})`;
  }
  if (exitQualification !== null) {
    return `exits with an EPT violation, qualification ${formatHex(exitQualification)} (${reason})`;
  }
  return cause === 'misconfiguration'
    ? `exits with an EPT misconfiguration (${reason})`
    : `goes no further (${reason})`;
}

/**
 * The same for a nested guest (L2), over both stages: what that guest sees, and what its hypervisor (L1) is told.
 *
 * @param onMachine - the same question with the machine's own profile in both stages
 * @internal
 */
export function describeNestedDeviation(
  state: VcpuState,
  translation: NestedTranslation,
  onMachine: NestedTranslation,
): string | null {
  if (isUnbacked(translation) || isSameNestedOutcome(onMachine, translation)) return null;
  return `${machineName(state)} ${describeNested(onMachine)}`;
}
