import {
  type Access,
  type BitFlags,
  effectiveMemoryType,
  effectiveNestedMemoryType,
  type MemoryType,
  type NestedMemoryTypeRegisters,
  type NestedTranslation,
  type PlannedBits,
  planBits,
  planNestedBits,
  type Translation,
} from '../../paging/index.ts';
import type { HvMemoryIntercept } from './hv-event.ts';
import { nestedInterceptOf } from './hv-intercept.ts';
import { HV_RESULT_OF_CAUSE, type HvResultName } from './hv-result.ts';

/** A walk through the tables of a guest, or through those of a nested guest (L2) and of its hypervisor (L1). @public */
export type HvWalked = Translation | NestedTranslation;

type NestedFault = Extract<NestedTranslation, { kind: 'nested-fault' }>;

/** A walk in the hypercall's terms; every address is one of the partition. @internal */
export interface HvWalkEnd {
  readonly result: HvResultName;
  /** Where the access leads, or which table is unavailable; null for other failures. */
  readonly physicalAddress: bigint | null;
  /** How what it leads to is cached; null when it leads nowhere. */
  readonly memoryType: ((registers: NestedMemoryTypeRegisters) => MemoryType) | null;
  /** The entries that the walk has looked at, in their order; the one that ended it, if one did, is the last. */
  readonly entries: readonly bigint[];
  readonly plan: (flags: BitFlags) => readonly PlannedBits[];
  /** The event of an access that nested tables refuse; null for any other end. */
  readonly intercept: ((gva: bigint, vtl: number) => HvMemoryIntercept) | null;
  readonly walked: HvWalked;
  readonly isNested: boolean;
  readonly access: Access;
}

const PAGE_SHIFT = 12n;

/** @internal */
export function pageOf(address: bigint): bigint {
  return address >> PAGE_SHIFT;
}

/** @internal */
export function walkEndOf(walked: HvWalked, access: Access): HvWalkEnd {
  if ('walks' in walked) {
    const plan = (flags: BitFlags) => planNestedBits(walked, flags);
    return { ...nestedEndOf(walked), entries: nestedEntriesOf(walked), plan, walked, isNested: true, access };
  }
  const plan = (flags: BitFlags) => planBits(walked, flags);
  return { ...endOf(walked), entries: entriesOf(walked), plan, walked, isNested: false, access };
}

type End = Pick<HvWalkEnd, 'result' | 'physicalAddress' | 'memoryType' | 'intercept'>;

const FAILED = { memoryType: null, intercept: null } as const;

function endOf(translation: Translation): End {
  if (translation.kind === 'mapped') {
    const { physicalAddress, steps } = translation;
    const leaf = steps.at(-1) ?? null;
    const memoryType = (registers: NestedMemoryTypeRegisters) => effectiveMemoryType(registers, leaf, physicalAddress);
    return { result: 'Success', physicalAddress, memoryType, intercept: null };
  }
  const { cause, responsible } = translation;
  const table = cause === 'unbacked-table' ? responsible : null;
  return { ...FAILED, result: HV_RESULT_OF_CAUSE[cause], physicalAddress: table?.address ?? null };
}

/** An access that the tables of a nested hypervisor refuse is intercepted for that one. */
function nestedEndOf(translation: NestedTranslation): End {
  if (translation.kind === 'guest-fault') return endOf(translation.guest);
  if (translation.kind === 'mapped') return mappedNestedEndOf(translation);
  if (translation.cause === 'unbacked-table') {
    return { ...FAILED, result: 'GpaUnmapped', physicalAddress: unbackedTableOf(translation) };
  }
  const intercept = (gva: bigint, vtl: number) => nestedInterceptOf(translation, gva, vtl);
  return { ...FAILED, result: 'Intercept', physicalAddress: null, intercept };
}

function mappedNestedEndOf(translation: Extract<NestedTranslation, { kind: 'mapped' }>): End {
  const { nestedKind, l1PhysicalAddress } = translation;
  const guest = translation.guest.steps.at(-1) ?? null;
  const nested = translation.walks.at(-1)?.steps.at(-1) ?? null;
  const memoryType = (registers: NestedMemoryTypeRegisters) =>
    effectiveNestedMemoryType(registers, { nestedKind, guest, nested }, l1PhysicalAddress);
  return { result: 'Success', physicalAddress: l1PhysicalAddress, memoryType, intercept: null };
}

/** The nested table that no memory holds; or where nested tables lead for a table of the guest. */
function unbackedTableOf({ responsible, walks }: NestedFault): bigint | null {
  return responsible?.address ?? walks.at(-1)?.l1PhysicalAddress ?? null;
}

function entriesOf(translation: Translation): readonly bigint[] {
  const responsible = translation.kind === 'fault' ? translation.responsible : null;
  if (responsible === null) return translation.steps.map(({ address }) => address);
  const above = translation.steps.filter(({ level }) => level > responsible.level);
  return [...above.map(({ address }) => address), responsible.address];
}

function nestedEntriesOf({ walks }: NestedTranslation): readonly bigint[] {
  return walks.flatMap(({ translation, purpose, l1PhysicalAddress }) => {
    const entries = entriesOf(translation);
    return purpose === 'table' && l1PhysicalAddress !== null ? [...entries, l1PhysicalAddress] : entries;
  });
}
