import { describeTranslation, hex } from './describe-translation.ts';
import type { ReferenceNestedBits } from './reference-nested-plan.ts';
import type { ReferenceNestedTranslation, ReferenceNestedWalk } from './reference-nested-translation.ts';
import type { ReferenceStep } from './reference-translation.ts';

/**
 * A translation by two stages as one text with every fact of it, so that two are equal exactly if their texts are. Takes the
 * reference's answers and the walker's alike.
 *
 * @internal
 */
export function describeNestedTranslation(translation: ReferenceNestedTranslation): string {
  return [describeEnd(translation), ...translation.walks.map(describeWalk)].join('\n');
}

/** A plan over both stages as one text. @internal */
export function describeNestedPlan(plan: readonly ReferenceNestedBits[]): string {
  const parts = plan.map(
    ({ stage, level, address, accessed, dirty }) =>
      `${accessed ? 'A' : ''}${dirty ? 'D' : ''} in ${stage} level ${level} at ${hex(address)}`,
  );
  return parts.length === 0 ? 'nothing' : parts.join('\n');
}

function describeEnd(translation: ReferenceNestedTranslation): string {
  switch (translation.kind) {
    case 'mapped': {
      const { physicalAddress, guestPhysicalAddress, pageSize, guest } = translation;
      const stages = `${hex(guestPhysicalAddress)}, then to ${hex(physicalAddress)}, page of ${pageSize}`;
      return `mapped to ${stages}\n${describeTranslation(guest)}`;
    }
    case 'guest-fault':
      return `guest's fault\n${describeTranslation(translation.guest)}`;
    case 'nested-fault': {
      const { purpose, cause, guestPhysicalAddress, responsible } = translation;
      const culprit = responsible ? `level ${responsible.level} at ${hex(responsible.address)}` : 'nobody';
      const exit = `exit information ${orNone(translation.exitInfo1)}, qualification ${orNone(translation.exitQualification)}`;
      const fault = `${cause} of the ${purpose} access at ${hex(guestPhysicalAddress)} because of ${culprit}, ${exit}`;
      return [fault, ...translation.guestSteps.map(describeStep)].join('\n');
    }
  }
}

function describeWalk({ guestPhysicalAddress, purpose, steps, hostPhysicalAddress }: ReferenceNestedWalk): string {
  const title = `${purpose} ${hex(guestPhysicalAddress)} to ${orNone(hostPhysicalAddress)}`;
  return [title, ...steps.map(describeStep)].join('\n');
}

function describeStep({ level, index, address, value }: Omit<ReferenceStep, 'table'>): string {
  return `  ${level}[${index}] at ${hex(address)}: ${hex(value)}`;
}

function orNone(value: bigint | null): string {
  return value === null ? 'none' : hex(value);
}
