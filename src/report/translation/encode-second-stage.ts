import type { NestedStep, NestedTranslation, PlannedBits } from '../../paging/index.ts';
import { formatHex } from '../words/format-hex.ts';
import { bitNames } from './format-walk.ts';
import type { ReportedTranslation } from './reported-translation.ts';

const orNull = (value: bigint | null) => (value === null ? null : formatHex(value));

/**
 * The second stage as JSON: where each guest physical address that the walk needed leads in the host, and what the processor
 * would report if it leads nowhere.
 *
 * @internal
 */
export function encodeSecondStage({ translation, wrote }: NonNullable<ReportedTranslation['nested']>): object {
  return {
    hostPhysicalAddress: translation.kind === 'mapped' ? formatHex(translation.physicalAddress) : null,
    fault: translation.kind === 'nested-fault' ? encodeFault(translation) : null,
    walks: translation.walks.map((walk) => encodeWalk(walk, wrote)),
  };
}

function encodeFault(fault: Extract<NestedTranslation, { kind: 'nested-fault' }>): object {
  const { purpose, cause, guestPhysicalAddress, exitInfo1, exitQualification, responsible, reason } = fault;
  return {
    purpose,
    cause,
    guestPhysicalAddress: formatHex(guestPhysicalAddress),
    exitInfo1: orNull(exitInfo1),
    exitQualification: orNull(exitQualification),
    responsibleLevel: responsible?.level ?? null,
    responsibleEntry: responsible && formatHex(responsible.address),
    reason,
  };
}

function encodeWalk(walk: NestedStep, wrote: readonly PlannedBits[]): object {
  return {
    purpose: walk.purpose,
    guestPhysicalAddress: formatHex(walk.guestPhysicalAddress),
    hostPhysicalAddress: orNull(walk.hostPhysicalAddress),
    entries: walk.steps.map(({ level, table, index, address, value }) => {
      const bits = wrote.find((planned) => planned.address === address);
      return {
        level,
        table,
        index,
        address: formatHex(address),
        value: formatHex(value),
        wrote: bits ? bitNames(bits) : [],
      };
    }),
  };
}
