import type { ReferenceBits } from '../reference/reference-plan.ts';
import type { ReferenceMapped, ReferenceTranslation } from '../reference/reference-translation.ts';

/**
 * A translation as one text with every fact of it, so that two are equal exactly if their texts are, and a difference
 * can be read. Takes the reference's answers and the walker's alike.
 *
 * @internal
 */
export function describeTranslation(translation: ReferenceTranslation): string {
  const steps = translation.steps
    .map((step) => `\n  ${step.level} ${step.table}[${step.index}] at ${hex(step.address)}: ${hex(step.value)}`)
    .join('');
  const walked = `${hex(translation.untaggedAddress)} `;
  if (translation.kind === 'mapped') {
    return `${walked}mapped to ${hex(translation.physicalAddress)}, ${describePage(translation)}${steps}`;
  }
  const code = translation.errorCode === null ? 'none' : hex(BigInt(translation.errorCode));
  const { responsible } = translation;
  const culprit = responsible ? `level ${responsible.level} at ${hex(responsible.address)}` : 'no entry';
  const exception = `vector ${translation.vector}, code ${code}`;
  return `${walked}${translation.cause}, ${exception}, because of ${culprit}, ${describePage(translation)}${steps}`;
}

/** A plan as one text. @internal */
export function describePlan(plan: readonly ReferenceBits[]): string {
  const parts = plan.map(
    (bits) => `${bits.accessed ? 'A' : ''}${bits.dirty ? 'D' : ''} in level ${bits.level} at ${hex(bits.address)}`,
  );
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

/** A number as the manuals write it. @internal */
export function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

function describePage(page: {
  pageSizeBytes: number | null;
  rights: ReferenceMapped['rights'] | null;
  protectionKey: number | null;
}): string {
  const { rights } = page;
  const letters = rights && `${rights.write ? 'w' : '-'}${rights.user ? 'u' : '-'}${rights.exec ? 'x' : '-'}`;
  return `page of ${page.pageSizeBytes}, rights ${letters}, key ${page.protectionKey}`;
}
