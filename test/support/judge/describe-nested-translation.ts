import type { ReferenceNestedBits } from '../reference/reference-nested-plan.ts';
import type { ReferenceNestedTranslation, ReferenceNestedWalk } from '../reference/reference-nested-translation.ts';
import type { ReferenceStep } from '../reference/reference-translation.ts';
import { describeTranslation, hex } from './describe-translation.ts';

/**
 * A translation by two stages as one text with every fact of it, so that two are equal exactly if their texts are. Takes the
 * reference's answers and the walker's alike.
 *
 * @internal
 */
export function describeNestedTranslation(translation: ReferenceNestedTranslation): string {
  return [describeEnd(translation), ...translation.walks.map(describeWalk)].join('\n');
}

/**
 * A plan over both stages as one text, in its order.
 *
 * @param circular - entries that are used at several levels: which of them a row has, and where it then stands, says nothing
 * @internal
 */
export function describeNestedPlan(
  plan: readonly ReferenceNestedBits[],
  circular: ReadonlySet<bigint> = new Set(),
): string {
  const rows = plan.filter(({ address }) => !circular.has(address)).map((row) => describeRow(row, `${row.level}`));
  const others = plan.filter(({ address }) => circular.has(address)).map((row) => describeRow(row, 'any'));
  const parts = [...rows, ...others.sort()];
  return parts.length === 0 ? 'nothing' : parts.join('\n');
}

/** The host-physical addresses of entries that a translation used at several levels or for both stages. @internal */
export function circularEntries(translation: ReferenceNestedTranslation): ReadonlySet<bigint> {
  const guestSteps = translation.kind === 'nested-fault' ? translation.guestSteps : translation.guest.steps;
  const tables = translation.walks.filter(({ purpose }) => purpose === 'table');
  // Of a PDPTE in a register there is no walk: the steps line up from the end.
  const unread = Math.max(0, guestSteps.length - tables.length);
  const used = [
    ...tables.map((walk, position) => ({
      address: walk.l1PhysicalAddress,
      as: `guest ${guestSteps[position + unread]?.level}`,
    })),
    ...translation.walks.flatMap((walk) =>
      walk.steps.map(({ address, level }) => ({ address, as: `nested ${level}` })),
    ),
  ];
  const uses = new Map<bigint, Set<string>>();
  for (const { address, as } of used) {
    if (address !== null) {
      uses.set(address, (uses.get(address) ?? new Set()).add(as));
    }
  }
  return new Set([...uses].filter(([, ways]) => ways.size > 1).map(([address]) => address));
}

function describeRow({ stage, address, accessed, dirty }: ReferenceNestedBits, level: string): string {
  return `${accessed ? 'A' : ''}${dirty ? 'D' : ''} in ${stage} level ${level} at ${hex(address)}`;
}

function describeEnd(translation: ReferenceNestedTranslation): string {
  switch (translation.kind) {
    case 'mapped': {
      const { l1PhysicalAddress, l2PhysicalAddress, pageSizeBytes, guest } = translation;
      const stages = `${hex(l2PhysicalAddress)}, then to ${hex(l1PhysicalAddress)}, page of ${pageSizeBytes}`;
      return `mapped to ${stages}\n${describeTranslation(guest)}`;
    }
    case 'guest-fault':
      return `guest's fault\n${describeTranslation(translation.guest)}`;
    case 'nested-fault': {
      const { untaggedAddress, purpose, cause, l2PhysicalAddress, responsible } = translation;
      const culprit = responsible ? `level ${responsible.level} at ${hex(responsible.address)}` : 'no entry';
      const exit = `exit information ${orNone(translation.exitInfo1)}, qualification ${orNone(translation.exitQualification)}`;
      const where = `${hex(untaggedAddress)}, the ${purpose} access at ${hex(l2PhysicalAddress)}`;
      const fault = `${cause} of ${where} because of ${culprit}, ${exit}`;
      return [fault, ...translation.guestSteps.map(describeStep)].join('\n');
    }
  }
}

function describeWalk({ l2PhysicalAddress, purpose, steps, l1PhysicalAddress }: ReferenceNestedWalk): string {
  const title = `${purpose} ${hex(l2PhysicalAddress)} to ${orNone(l1PhysicalAddress)}`;
  return [title, ...steps.map(describeStep)].join('\n');
}

function describeStep({ level, index, address, value }: Omit<ReferenceStep, 'table'>): string {
  return `  ${level}[${index}] at ${hex(address)}: ${hex(value)}`;
}

function orNone(value: bigint | null): string {
  return value === null ? 'none' : hex(value);
}
