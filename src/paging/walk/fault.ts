import { decodeAccess } from '../rules/access.ts';
import {
  ACCESS_EXEC,
  ACCESS_SHADOW_STACK,
  ACCESS_USER,
  ACCESS_VIA_SS,
  ACCESS_WRITE,
  ENTRY_US,
  PF_P,
  PF_PK,
  PF_RSVD,
} from '../rules/architecture.ts';
import type { Level } from '../rules/levels.ts';
import { DENIED, protectionKeyOf } from '../rules/rights.ts';
import type { Denial, WalkFaultReason } from './fault-reason.ts';
import { OUTCOME, type Walk } from './walk.ts';

const VECTOR_SS = 12;
const VECTOR_GP = 13;
const VECTOR_PF = 14;

/**
 * The exception that the processor raises: #PF, or #GP (#SS for an access relative to SS) for an address that no access can
 * be made to.
 *
 * @internal
 */
export function vectorOf(walk: Walk): 12 | 13 | 14 {
  const { outcome, access, context } = walk;
  const isAddressFault =
    outcome === OUTCOME.nonCanonical || outcome === OUTCOME.outOfRange || outcome === OUTCOME.separated;
  if (!isAddressFault) return VECTOR_PF;
  return access & ACCESS_VIA_SS && context.profile.stackFaults ? VECTOR_SS : VECTOR_GP;
}

/**
 * The page-fault error code that the processor pushes, SDM vol. 3A, 4.7; 0 for the #GP of a non-canonical address; null where
 * the architecture defines none (a table that no memory holds, an address that the mode cannot form).
 *
 * @internal
 */
export function errorCodeOf(walk: Walk): number | null {
  const { policy, profile } = walk.context;
  const fetch = policy.reportsFetch ? walk.access & ACCESS_EXEC : 0;
  const access = (walk.access & (ACCESS_WRITE | ACCESS_USER | ACCESS_SHADOW_STACK)) | fetch;
  switch (walk.outcome) {
    case OUTCOME.notPresent:
      return access;
    case OUTCOME.reserved:
      return access | PF_RSVD | (profile.reservedFaultSetsP ? PF_P : 0);
    case OUTCOME.denied:
      return access | PF_P | (walk.denied & DENIED.key ? PF_PK : 0);
    case OUTCOME.nonCanonical:
    case OUTCOME.separated:
      return 0;
    case OUTCOME.unbacked:
      return profile.unbackedTable === 'not-present' ? access : null;
    default:
      return null;
  }
}

/** Whether this entry by itself takes away a right that the denied access needed. */
function takesRightAway(walk: Walk, depth: number): boolean {
  const low = walk.lowAt(depth) | walk.levelAt(depth).impliedRights;
  const { rules, policy } = walk.context;
  return rules.takesAway(policy, walk.denied, low, walk.highAt(depth), depth === walk.depth - 1);
}

/**
 * Which of the walk's entries is responsible for its failure, as its position from the top: the one that stopped it; for a
 * denied access the topmost entry that by itself takes the right away, and for SMEP, SMAP and protection keys the leaf. For an
 * unbacked table this is the position of the entry that could not be read. -1 where no entry is to blame.
 *
 * @internal
 */
export function responsibleDepth(walk: Walk): number {
  switch (walk.outcome) {
    case OUTCOME.notPresent:
    case OUTCOME.reserved:
      return walk.depth - 1;
    case OUTCOME.unbacked:
      return walk.depth;
    case OUTCOME.denied: {
      if ((walk.denied & walk.context.rules.takenByEntries) === 0) return walk.depth - 1;
      for (let depth = 0; depth < walk.depth; depth += 1) if (takesRightAway(walk, depth)) return depth;
      return walk.depth - 1;
    }
    default:
      return -1;
  }
}

/** Guest physical address of the responsible entry; -1 where no entry is to blame. @internal */
export function responsibleAddressOf(walk: Walk): number {
  const depth = responsibleDepth(walk);
  if (depth < 0) return -1;
  return depth < walk.depth ? walk.addressAt(depth) : walk.wanted;
}

/** `PML4E`, `PTE`: an entry is named after its table. @internal */
export function entryNameOf(level: Level): string {
  return `${level.table}E`;
}

/** Reserved bits that are set, in ranges. */
function reservedBitsSet(walk: Walk): (readonly [number, number])[] {
  const depth = walk.depth - 1;
  const level = walk.levelAt(depth);
  const low = walk.lowAt(depth);
  const high = walk.highAt(depth);
  const isLeaf = (low & level.leafBit) !== 0;
  const lowSet = low & (isLeaf ? level.leafReservedLow : level.tableReservedLow);
  const highSet = high & (isLeaf ? level.leafReservedHigh : level.tableReservedHigh);
  const ranges: (readonly [number, number])[] = [];
  for (let bit = 63; bit >= 0; bit -= 1) {
    const from = bit;
    while (bit >= 0 && ((bit >= 32 ? highSet >>> (bit - 32) : lowSet >>> bit) & 1) === 1) bit -= 1;
    if (bit < from) ranges.push([from, bit + 1]);
  }
  return ranges;
}

function denialsOf(walk: Walk): Denial[] {
  const { denied, context, leafHigh, rights } = walk;
  const register = rights & ENTRY_US ? 'PKRU' : 'PKRS';
  const all: Readonly<Record<keyof typeof DENIED, Denial>> = {
    user: { code: 'supervisor-page' },
    write: { code: 'read-only' },
    exec: { code: 'not-executable' },
    smep: { code: 'smep' },
    smap: { code: 'smap', isImplicit: context.policy.alignmentCheck },
    notShadowStack: { code: 'no-shadow-stack' },
    userShadowStack: { code: 'user-page' },
    trapped: { code: 'execute-trap' },
    notNestedStack: { code: 'no-nested-shadow-stack' },
    key: { code: 'protection-key', key: protectionKeyOf(leafHigh), register },
  };
  const names = Object.keys(all) as (keyof typeof DENIED)[];
  return names.flatMap((name) => (denied & DENIED[name] ? [all[name]] : []));
}

/** Why the walk failed. @internal */
export function faultReasonOf(walk: Walk): WalkFaultReason {
  const { context } = walk;
  switch (walk.outcome) {
    case OUTCOME.notPresent:
      return { code: 'not-present', entry: entryNameOf(walk.levelAt(walk.depth - 1)) };
    case OUTCOME.reserved:
      return { code: 'reserved-bits', entry: entryNameOf(walk.levelAt(walk.depth - 1)), bits: reservedBitsSet(walk) };
    case OUTCOME.denied: {
      const entry = entryNameOf(walk.levelAt(responsibleDepth(walk)));
      return { code: 'denied', entry, access: decodeAccess(walk.access), denials: denialsOf(walk) };
    }
    case OUTCOME.nonCanonical:
      return { code: 'non-canonical', linearBits: context.linearBits };
    case OUTCOME.outOfRange: {
      const { isCompatibility } = context.linearAddress;
      return { code: 'out-of-range', isCompatibility, mode: context.mode };
    }
    case OUTCOME.separated:
      return { code: 'lass' };
    case OUTCOME.unbacked:
      return { code: 'unbacked-table', entry: entryNameOf(walk.levelAt(walk.depth)) };
    default:
      throw new RangeError('the walk has not failed');
  }
}
