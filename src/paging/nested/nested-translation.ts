import { asAnswer } from '../as-answer.ts';
import { type Access, encodeAccess } from '../rules/access.ts';
import type { PagingContext } from '../rules/context.ts';
import { highHalf, joinHalves, lowHalf } from '../rules/halves.ts';
import { entryNameOf } from '../walk/fault.ts';
import type { NestedFaultReason } from '../walk/fault-reason.ts';
import { checkQuestion, type EntrySource } from '../walk/translate.ts';
import {
  type FaultCause,
  type FaultedTranslation,
  type MappedTranslation,
  stepsOf,
  type Translation,
  toTranslation,
  type WalkStep,
} from '../walk/translation.ts';
import { exitInfo1Of, exitQualificationOf } from './exit-information.ts';
import type { NestedContext } from './nested-context.ts';
import { type NestedPurpose, NestedWalk, type StageRecord } from './nested-walk.ts';

/** One second-stage walk: an L2 physical address, and where it leads in the memory of the hypervisor (L1). @public */
export interface NestedStep {
  readonly l2PhysicalAddress: bigint;
  readonly purpose: NestedPurpose;
  /** The nested entries used; their addresses are L1 physical. */
  readonly steps: readonly WalkStep[];
  /** Null when this walk failed. */
  readonly l1PhysicalAddress: bigint | null;
  /** The walk as the second stage's own translation. */
  readonly translation: Translation;
}

/** Why the second stage stopped the access. A misconfiguration is EPT's word for a malformed entry. @public */
export type NestedFaultCause =
  | 'not-present'
  | 'reserved-bits'
  | 'misconfiguration'
  | 'privilege-violation'
  | 'unbacked-table';

/** What both stages together make of an access. @public */
export type NestedTranslation =
  | {
      readonly kind: 'mapped';
      readonly nestedKind: NestedContext['kind'];
      readonly linearAddress: bigint;
      readonly l2PhysicalAddress: bigint;
      readonly l1PhysicalAddress: bigint;
      /** The smaller of both stages' pages in bytes; null when neither pages. */
      readonly pageSizeBytes: number | null;
      /** The first stage; its physical addresses are L2 physical. */
      readonly guest: MappedTranslation;
      /** One for each guest entry used, then the final one. */
      readonly walks: readonly NestedStep[];
    }
  | {
      readonly kind: 'guest-fault';
      readonly nestedKind: NestedContext['kind'];
      readonly linearAddress: bigint;
      readonly guest: FaultedTranslation;
      readonly walks: readonly NestedStep[];
    }
  | {
      readonly kind: 'nested-fault';
      readonly nestedKind: NestedContext['kind'];
      readonly linearAddress: bigint;
      /** The address that the first stage looked up: as given, but for the tag that LAM or UAI takes off. */
      readonly untaggedAddress: bigint;
      readonly purpose: NestedPurpose;
      /** The L2 physical address that is refused: of the guest's entry, or of the page with its offset. */
      readonly l2PhysicalAddress: bigint;
      readonly cause: NestedFaultCause;
      /** NPT: EXITINFO1 of #NPF; null under EPT, and where the architecture does not say. */
      readonly exitInfo1: bigint | null;
      /** EPT: the qualification of the violation; null under NPT, and for a misconfiguration, which has none. */
      readonly exitQualification: bigint | null;
      /** The nested entry that is to blame, at an L1 physical address. */
      readonly responsible: { readonly level: number; readonly address: bigint } | null;
      /** The guest's entries that were read before. */
      readonly guestSteps: readonly WalkStep[];
      /** The first stage where it had ended: the final page is what is refused. */
      readonly guest: MappedTranslation | null;
      readonly walks: readonly NestedStep[];
      readonly reason: NestedFaultReason;
    };

/**
 * Translates in two dimensions, reading L1 memory as the walk asks for it.
 *
 * @param memory - L1 physical memory
 * @throws PagingInputError for an address or access that no processor could make.
 * @public
 */
export function translateNested(
  guest: PagingContext,
  nested: NestedContext,
  memory: EntrySource,
  linearAddress: bigint,
  access: Access,
): NestedTranslation {
  const walk = new NestedWalk(guest, nested);
  let wants = startNestedWalk(walk, linearAddress, access);
  while (wants) {
    const entry = memory.readEntry(BigInt(walk.wanted), walk.wantedSizeBytes);
    if (entry === null) {
      walk.feedUnbacked();
      break;
    }
    wants = walk.feed(lowHalf(entry), highHalf(entry));
  }
  return toNestedTranslation(walk, nested);
}

/** @returns whether the walk wants an entry @throws PagingInputError, as `startWalk`. @internal */
export function startNestedWalk(walk: NestedWalk, linearAddress: bigint, access: Access): boolean {
  checkQuestion(walk.guest.context, linearAddress, access);
  return walk.start(highHalf(linearAddress), lowHalf(linearAddress), encodeAccess(access));
}

/** The result of a walk that has ended. @internal */
export function toNestedTranslation(walk: NestedWalk, nested: NestedContext): NestedTranslation {
  const walks = walk.records.map(toStep);
  if (!walk.isThrough) return toNestedFault(walk, nested, walks);
  const guest = toTranslation(walk.guest);
  const { linearAddress } = guest;
  const { kind: nestedKind } = nested;
  const last = walk.records.at(-1)?.translation;
  if (guest.kind === 'fault')
    return asAnswer<NestedTranslation>({ kind: 'guest-fault', nestedKind, linearAddress, guest, walks });
  if (last?.kind !== 'mapped') throw new RangeError('the walk has not ended');
  return asAnswer<NestedTranslation>({
    kind: 'mapped',
    nestedKind,
    linearAddress,
    l2PhysicalAddress: guest.physicalAddress,
    l1PhysicalAddress: last.physicalAddress,
    pageSizeBytes: smaller(guest.pageSizeBytes, last.pageSizeBytes),
    guest,
    walks,
  });
}

function smaller(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}

function toStep({ translation, purpose, l2PhysicalAddress }: StageRecord): NestedStep {
  return asAnswer({
    l2PhysicalAddress: BigInt(l2PhysicalAddress),
    purpose,
    steps: translation.steps,
    l1PhysicalAddress: translation.kind === 'mapped' ? translation.physicalAddress : null,
    translation,
  });
}

const CAUSES: Readonly<Record<FaultCause, NestedFaultCause>> = {
  'not-present': 'not-present',
  'reserved-bits': 'reserved-bits',
  'privilege-violation': 'privilege-violation',
  'unbacked-table': 'unbacked-table',
  // What the nested tables cannot index they do not map.
  'out-of-range': 'not-present',
  'non-canonical': 'not-present',
  lass: 'privilege-violation',
};

function toNestedFault(walk: NestedWalk, nested: NestedContext, walks: readonly NestedStep[]): NestedTranslation {
  const record = walk.records.at(-1);
  if (record === undefined) throw new RangeError('the walk has not started');
  const { translation, purpose } = record;
  const stageCause = translation.kind === 'fault' ? CAUSES[translation.cause] : 'unbacked-table';
  const cause = nested.kind === 'ept' && stageCause === 'reserved-bits' ? 'misconfiguration' : stageCause;
  const isFinal = purpose === 'final';
  const guest = isFinal ? toTranslation(walk.guest) : null;
  return asAnswer<NestedTranslation>({
    kind: 'nested-fault',
    nestedKind: nested.kind,
    linearAddress: joinHalves(walk.guest.givenHigh, walk.guest.linearLow),
    untaggedAddress: joinHalves(walk.guest.linearHigh, walk.guest.linearLow),
    purpose,
    l2PhysicalAddress: BigInt(record.l2PhysicalAddress),
    cause,
    exitInfo1: nested.kind === 'npt' && translation.kind === 'fault' ? exitInfo1Of(walk, nested, record) : null,
    exitQualification:
      nested.kind === 'ept' && cause !== 'unbacked-table' ? exitQualificationOf(walk, nested, record) : null,
    responsible: translation.kind === 'fault' ? translation.responsible : null,
    guestSteps: stepsOf(walk.guest),
    guest: guest?.kind === 'mapped' ? guest : null,
    walks,
    reason: reasonOf(walk, nested, record, cause),
  });
}

function reasonOf(
  walk: NestedWalk,
  { kind: stage, stage: { levels } }: NestedContext,
  { translation, purpose, l2PhysicalAddress }: StageRecord,
  cause: NestedFaultCause,
): NestedFaultReason {
  const { responsible = null } = translation.kind === 'fault' ? translation : {};
  const level = levels.find((candidate) => candidate.level === responsible?.level);
  const code = level === undefined ? 'nested-out-of-reach' : (`nested-${cause}` as const);
  return {
    code: translation.kind === 'mapped' ? 'nested-unbacked-page' : code,
    stage,
    l2PhysicalAddress: BigInt(l2PhysicalAddress),
    guestEntry: purpose === 'final' ? null : guestEntryName(walk),
    entry: level === undefined ? null : entryNameOf(level),
  };
}

/** The guest's entry that a table walk was for: the one wanted, or, when it was to be written back, the one just taken. */
function guestEntryName({ guest, records }: NestedWalk): string {
  const tables = records.filter(({ purpose }) => purpose === 'table').length;
  const { levels, latched } = guest.context;
  const level = levels[tables - 1 + (latched ? 1 : 0)];
  return level === undefined ? 'table' : entryNameOf(level);
}
