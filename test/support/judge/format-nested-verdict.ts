import type { ReferenceNestedTranslation } from '../reference/reference-nested-translation.ts';
import { hex } from './describe-translation.ts';

/**
 * In a line: `gpa hpa size`, `guest` and its fault, or `purpose gpa cause information level:address`, of which the information is
 * EXITINFO1 or the exit qualification.
 *
 * @internal
 */
export function formatNestedVerdict(translation: ReferenceNestedTranslation): string {
  switch (translation.kind) {
    case 'mapped':
      return `${hex(translation.l2PhysicalAddress)} ${hex(translation.l1PhysicalAddress)} ${translation.pageSizeBytes}`;
    case 'guest-fault': {
      const { cause, errorCode, responsible } = translation.guest;
      return `guest ${cause} ${errorCode?.toString(16) ?? '-'}${at(responsible)}`;
    }
    case 'nested-fault': {
      const { purpose, l2PhysicalAddress, cause, exitInfo1, exitQualification, responsible } = translation;
      const information = (exitInfo1 ?? exitQualification)?.toString(16) ?? '-';
      return `${purpose} ${hex(l2PhysicalAddress)} ${cause} ${information}${at(responsible)}`;
    }
  }
}

function at(responsible: { level: number; address: bigint } | null): string {
  return responsible ? ` ${responsible.level}:${hex(responsible.address)}` : '';
}
