import type { NestedTranslation, QemuVersion, Translation } from '../../paging/index.ts';
import { formatHex } from '../words/format-hex.ts';
import { formatReason } from './format-reason.ts';

/** What runs a guest. @public */
export interface ReportedMachine {
  /** Null where that is not known. */
  readonly accelerator: 'kvm' | 'tcg' | null;
  readonly qemuVersion: QemuVersion | null;
}

/** What the machine that runs a guest answers, where that is not the answer of its processor. @public */
export interface ReportedDeviation {
  readonly machine: ReportedMachine;
  readonly outcome: Translation | NestedTranslation;
}

/** `QEMU 7.2.22's TCG`, `KVM's walker`. @public */
export function formatMachine({ accelerator, qemuVersion }: ReportedMachine): string {
  if (accelerator === 'kvm') return "KVM's walker";
  if (accelerator === null) return 'the machine that runs the guest';
  return qemuVersion === null ? "QEMU's TCG" : `QEMU ${qemuVersion.join('.')}'s TCG`;
}

/** What the machine does instead, in a line: `QEMU 7.2.22's TCG maps it to 0x5000`. @public */
export function formatDeviation({ machine, outcome }: ReportedDeviation): string {
  return `${formatMachine(machine)} ${formatOutcome(outcome)}`;
}

const EXCEPTIONS = { 12: '#SS', 13: '#GP', 14: '#PF' } as const;

function formatOutcome(outcome: Translation | NestedTranslation): string {
  switch (outcome.kind) {
    case 'mapped':
      return 'nestedKind' in outcome
        ? `maps it to L2 physical ${formatHex(outcome.l2PhysicalAddress)}, L1 physical ${formatHex(outcome.l1PhysicalAddress)}`
        : `maps it to ${formatHex(outcome.physicalAddress)}`;
    case 'fault': {
      const { vector, errorCode, reason } = outcome;
      const code = errorCode === null ? '' : ` with error code ${formatHex(errorCode)}`;
      return `raises ${vector === null ? 'an exception' : EXCEPTIONS[vector]}${code} (${formatReason(reason)})`;
    }
    case 'guest-fault':
      return formatOutcome(outcome.guest);
    case 'nested-fault':
      return `${formatExit(outcome)} (${formatReason(outcome.reason)})`;
  }
}

function formatExit({
  exitInfo1,
  exitQualification,
  l2PhysicalAddress,
  cause,
}: Extract<NestedTranslation, { kind: 'nested-fault' }>): string {
  if (exitInfo1 !== null) {
    return `exits with #NPF, EXITINFO1 ${formatHex(exitInfo1)}, EXITINFO2 ${formatHex(l2PhysicalAddress)}`;
  }
  if (exitQualification !== null) return `exits with an EPT violation, qualification ${formatHex(exitQualification)}`;
  return cause === 'misconfiguration' ? 'exits with an EPT misconfiguration' : 'goes no further';
}
