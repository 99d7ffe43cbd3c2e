import type { NestedStep, NestedTranslation, PlannedBits } from '../../paging/index.ts';
import { formatReason } from '../reasons/format-reason.ts';
import { formatHex } from '../words/format-hex.ts';
import { bitNames } from './format-walk.ts';
import type { ReportedTranslation } from './reported-translation.ts';

const orNull = (value: bigint | null) => (value === null ? null : formatHex(value));

/**
 * The second stage as JSON: where the page lies in the memory of the nested guest (L2) and in that of its hypervisor
 * (L1), where each L2 physical address that the walk needed leads, and what the processor would report if one leads
 * nowhere.
 *
 * @internal
 */
export function encodeSecondStage({ translation, wrote }: NonNullable<ReportedTranslation['nested']>): object {
  return {
    l2PhysicalAddress: orNull(l2PhysicalAddressOf(translation)),
    l1PhysicalAddress: translation.kind === 'mapped' ? formatHex(translation.l1PhysicalAddress) : null,
    fault: translation.kind === 'nested-fault' ? encodeFault(translation) : null,
    walks: translation.walks.map((walk) => encodeWalk(walk, wrote)),
  };
}

/** Where the nested guest's own tables lead, whether the second stage goes on from there or not. */
function l2PhysicalAddressOf(translation: NestedTranslation): bigint | null {
  if (translation.kind === 'mapped') return translation.l2PhysicalAddress;
  return translation.kind === 'nested-fault' ? (translation.guest?.physicalAddress ?? null) : null;
}

function encodeFault(fault: Extract<NestedTranslation, { kind: 'nested-fault' }>): object {
  const { purpose, cause, l2PhysicalAddress, exitInfo1, exitQualification, responsible, reason } = fault;
  return {
    purpose,
    cause,
    l2PhysicalAddress: formatHex(l2PhysicalAddress),
    exitInfo1: orNull(exitInfo1),
    exitQualification: orNull(exitQualification),
    responsibleLevel: responsible?.level ?? null,
    responsibleEntry: responsible && formatHex(responsible.address),
    reason: formatReason(reason),
  };
}

function encodeWalk(walk: NestedStep, wrote: readonly PlannedBits[]): object {
  return {
    purpose: walk.purpose,
    l2PhysicalAddress: formatHex(walk.l2PhysicalAddress),
    l1PhysicalAddress: orNull(walk.l1PhysicalAddress),
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
