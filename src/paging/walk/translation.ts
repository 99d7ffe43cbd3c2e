import { asAnswer } from '../as-answer.ts';
import { type Access, decodeAccess } from '../rules/access.ts';
import { joinHalves } from '../rules/halves.ts';
import type { UsageBits } from '../rules/levels.ts';
import type { TableName } from '../rules/modes.ts';
import { decodeRights, protectionKeyOf, type Rights } from '../rules/rights.ts';
import { errorCodeOf, faultReasonOf, responsibleAddressOf, responsibleDepth, vectorOf } from './fault.ts';
import type { FaultReason } from './fault-reason.ts';
import { OUTCOME, type Outcome, type Walk } from './walk.ts';

/** One entry that a walk used. @public */
export interface WalkStep {
  /** 1 for the PT, 5 for the PML5. */
  readonly level: number;
  readonly table: TableName;
  /** The entry's index in its table. */
  readonly index: number;
  /** Guest physical address of the entry. */
  readonly address: bigint;
  /** The entry as the walk saw it. */
  readonly value: bigint;
  /** Size of the entry in bytes. */
  readonly sizeBytes: 4 | 8;
  /** False for PAE PDPTEs, and EPT entries without the A/D flag, which have no accessed bit. */
  readonly hasAccessed: boolean;
  /** Where A and D are, if the entry has them. */
  readonly usageBits: UsageBits;
  /** Whether this entry maps a page rather than pointing to a table. */
  readonly leaf: boolean;
}

/** The access is allowed. @public */
export interface MappedTranslation {
  readonly kind: 'mapped';
  readonly linearAddress: bigint;
  /** The address that was walked: as given, but for the tag that LAM or UAI takes off. #PF leaves this one in CR2. */
  readonly untaggedAddress: bigint;
  readonly access: Access;
  /** Where the address leads, offset included. */
  readonly physicalAddress: bigint;
  /** Bytes that the leaf maps; null when paging is off. */
  readonly pageSizeBytes: number | null;
  /** All true when paging is off. */
  readonly rights: Rights;
  /** Bits 62:59 of the leaf in 4-level and 5-level paging, in force or not; null in other modes. */
  readonly protectionKey: number | null;
  /** The entries used, from the top. */
  readonly steps: readonly WalkStep[];
}

/** Why an access cannot be made. @public */
export type FaultCause =
  | 'not-present'
  | 'reserved-bits'
  | 'privilege-violation'
  | 'non-canonical'
  | 'out-of-range'
  | 'unbacked-table'
  | 'lass';

/** The access is not allowed, or leads nowhere. @public */
export interface FaultedTranslation {
  readonly kind: 'fault';
  readonly linearAddress: bigint;
  /** The address that was walked: as given, but for the tag that LAM or UAI takes off. #PF leaves this one in CR2. */
  readonly untaggedAddress: bigint;
  readonly access: Access;
  readonly cause: FaultCause;
  /**
   * #PF (14), or #GP (13) for an address that no access can be made to; #SS (12) for such an address relative to SS.
   * Null where the second stage refuses the access of a nested guest (L2): the processor exits to the hypervisor (L1),
   * and L2 sees no exception.
   */
  readonly vector: 12 | 13 | 14 | null;
  /**
   * The error code that the processor would push (SDM vol. 3A, 4.7). Null where the architecture defines none: a table that no
   * memory holds, an address above 32 bits outside long mode.
   */
  readonly errorCode: number | null;
  /** The entry that is to blame (see {@link FaultCause}); null when none was read. */
  readonly responsible: { readonly level: number; readonly address: bigint } | null;
  /** Rights of the page where the walk reached one (`privilege-violation`), else null. */
  readonly rights: Rights | null;
  readonly pageSizeBytes: number | null;
  readonly protectionKey: number | null;
  readonly steps: readonly WalkStep[];
  /** What {@link FaultReason} says in detail; `formatReason` of the report makes a sentence of it. */
  readonly reason: FaultReason;
}

/** What a walk found. A fault is an answer, not an error. @public */
export type Translation = MappedTranslation | FaultedTranslation;

const CAUSES: Readonly<Record<number, FaultCause>> = {
  [OUTCOME.notPresent]: 'not-present',
  [OUTCOME.reserved]: 'reserved-bits',
  [OUTCOME.denied]: 'privilege-violation',
  [OUTCOME.nonCanonical]: 'non-canonical',
  [OUTCOME.outOfRange]: 'out-of-range',
  [OUTCOME.unbacked]: 'unbacked-table',
  [OUTCOME.separated]: 'lass',
};

/** @internal */
export function faultCauseOf(outcome: Outcome | number): FaultCause | null {
  return CAUSES[outcome] ?? null;
}

/** The entries that a walk was fed. @internal */
export function stepsOf(walk: Walk): WalkStep[] {
  const steps: WalkStep[] = [];
  for (let depth = 0; depth < walk.depth; depth += 1) {
    const level = walk.levelAt(depth);
    const low = walk.lowAt(depth);
    const address = walk.addressAt(depth);
    const tableBytes = (level.indexMask + 1) * level.entrySizeBytes;
    steps.push(
      asAnswer({
        level: level.level,
        table: level.table,
        index: (address % tableBytes) / level.entrySizeBytes,
        address: BigInt(address),
        value: joinHalves(walk.highAt(depth), low),
        sizeBytes: level.entrySizeBytes,
        hasAccessed: level.hasAccessed,
        usageBits: level.usageBits,
        leaf: (low & level.presentMask) !== 0 && (low & level.leafBit) !== 0,
      }),
    );
  }
  return steps;
}

/** What is known of the page once a walk has reached a leaf. */
function pageOf(walk: Walk): { rights: Rights; pageSizeBytes: number | null; protectionKey: number | null } {
  const { context, depth } = walk;
  const leaf = context.levels[depth - 1];
  return {
    rights: decodeRights(walk.rights, walk.executeDisabled === 0),
    pageSizeBytes: leaf ? 2 ** leaf.shift : null,
    protectionKey: context.policy.protectionKeys ? protectionKeyOf(walk.highAt(depth - 1)) : null,
  };
}

const NO_PAGE = { rights: null, pageSizeBytes: null, protectionKey: null };

function responsibleOf(walk: Walk): FaultedTranslation['responsible'] {
  const depth = responsibleDepth(walk);
  if (depth < 0) return null;
  return asAnswer({ level: walk.levelAt(depth).level, address: BigInt(responsibleAddressOf(walk)) });
}

/**
 * The result of a walk that has ended.
 *
 * @internal
 */
export function toTranslation(walk: Walk): Translation {
  const linearAddress = joinHalves(walk.givenHigh, walk.linearLow);
  const untaggedAddress = joinHalves(walk.linearHigh, walk.linearLow);
  const access = decodeAccess(walk.access);
  const steps = stepsOf(walk);
  if (walk.outcome === OUTCOME.mapped) {
    return asAnswer<MappedTranslation>({
      kind: 'mapped',
      linearAddress,
      untaggedAddress,
      access,
      physicalAddress: BigInt(walk.physical),
      ...pageOf(walk),
      steps,
    });
  }
  const cause = CAUSES[walk.outcome];
  if (cause === undefined) throw new RangeError('the walk has not ended');
  return asAnswer<FaultedTranslation>({
    kind: 'fault',
    linearAddress,
    untaggedAddress,
    access,
    cause,
    vector: vectorOf(walk),
    errorCode: errorCodeOf(walk),
    responsible: responsibleOf(walk),
    ...(cause === 'privilege-violation' ? pageOf(walk) : NO_PAGE),
    steps,
    reason: faultReasonOf(walk),
  });
}
