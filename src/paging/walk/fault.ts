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

/** Reserved bits that are set, as the manual writes bit ranges: `bits 51:46, 7`. */
function reservedBitsSet(walk: Walk): string {
  const depth = walk.depth - 1;
  const level = walk.levelAt(depth);
  const low = walk.lowAt(depth);
  const high = walk.highAt(depth);
  const isLeaf = (low & level.leafBit) !== 0;
  const lowSet = low & (isLeaf ? level.leafReservedLow : level.tableReservedLow);
  const highSet = high & (isLeaf ? level.leafReservedHigh : level.tableReservedHigh);
  const ranges: string[] = [];
  for (let bit = 63; bit >= 0; bit -= 1) {
    const from = bit;
    while (bit >= 0 && ((bit >= 32 ? highSet >>> (bit - 32) : lowSet >>> bit) & 1) === 1) bit -= 1;
    if (bit < from) ranges.push(bit + 1 === from ? `${from}` : `${from}:${bit + 1}`);
  }
  return `${ranges.length === 1 && !ranges[0]?.includes(':') ? 'bit' : 'bits'} ${ranges.join(', ')}`;
}

function explainDenied(walk: Walk): string {
  const { denied, access, context } = walk;
  const who = access & ACCESS_USER ? 'user' : 'supervisor';
  const plain = access & ACCESS_EXEC ? 'fetch' : access & ACCESS_WRITE ? 'write' : 'read';
  const what = access & ACCESS_SHADOW_STACK ? `shadow-stack ${plain}` : plain;
  const entry = entryNameOf(walk.levelAt(responsibleDepth(walk)));
  const key = protectionKeyOf(walk.leafHigh);
  const keyRegister = walk.rights & ENTRY_US ? 'PKRU' : 'PKRS';
  const reasons = [
    denied & DENIED.user ? 'the page is a supervisor page (U/S=0)' : '',
    denied & DENIED.write ? `the page is read-only (R/W=0${access & ACCESS_USER ? '' : ', CR0.WP=1'})` : '',
    denied & DENIED.exec ? 'the page is not executable (XD=1)' : '',
    denied & DENIED.smep ? 'the page is a user page and CR4.SMEP=1' : '',
    denied & DENIED.smap
      ? `the page is a user page and CR4.SMAP=1${context.policy.alignmentCheck ? ' (implicit access)' : ', RFLAGS.AC=0'}`
      : '',
    denied & DENIED.notShadowStack ? 'the page is no shadow stack (R/W=0 and D=1 in the leaf, R/W=1 above)' : '',
    denied & DENIED.userShadowStack ? 'the page is a user page' : '',
    denied & DENIED.trapped ? 'the page is a user page (U/S=1) and the guest mode execute trap is on' : '',
    denied & DENIED.notNestedStack
      ? 'the page is no supervisor shadow stack (NX=1 and U/S=0 in the leaf, R/W=1 above)'
      : '',
    denied & DENIED.key ? `protection key ${key} forbids it (${keyRegister})` : '',
  ].filter((reason) => reason !== '');
  return `${who} ${what} denied by the ${entry}: ${reasons.join('; ')}`;
}

/** Why the walk failed, in words. @internal */
export function explainFault(walk: Walk): string {
  const width = walk.context.linearBits;
  switch (walk.outcome) {
    case OUTCOME.notPresent:
      return `not present: the ${entryNameOf(walk.levelAt(walk.depth - 1))} has P=0`;
    case OUTCOME.reserved:
      return `reserved ${reservedBitsSet(walk)} set in the ${entryNameOf(walk.levelAt(walk.depth - 1))}`;
    case OUTCOME.denied:
      return explainDenied(walk);
    case OUTCOME.nonCanonical:
      return `the address is not canonical: bits 63:${width - 1} differ (${width}-bit linear addresses)`;
    case OUTCOME.outOfRange:
      return `the address is above 32 bits and ${walk.context.linearAddress.isCompatibility ? 'CS.L=0: code in compatibility mode has 32-bit addresses' : `the paging mode is ${walk.context.mode}`}`;
    case OUTCOME.separated:
      return 'the address lies in the other half of the address space and CR4.LASS=1';
    case OUTCOME.unbacked:
      return `no memory holds the ${entryNameOf(walk.levelAt(walk.depth))}`;
    default:
      return '';
  }
}
