import type { PagingMode, WalkStep } from '../../paging/index.ts';

const bit = (value: bigint, position: number) => ((value >> BigInt(position)) & 1n) === 1n;

/** Bit 7 is PAT in a PTE, and PS above; a large page has its PAT in bit 12. SDM tables 4-5 to 4-20. */
const PAT_OF_PTE = 7;
const PAT_OF_LARGE_PAGE = 12;

/**
 * The bits of an entry that mean something where it stands, by the manuals' names; R/W and U/S by what they say: `RW` or
 * `RO`, `US` or `SU`. An entry that is not present means nothing else (SDM vol. 3A, 4.5), so only that is said of it.
 *
 * @public
 */
export function entryFlags(step: WalkStep, mode: PagingMode): readonly string[] {
  const { value } = step;
  if (!bit(value, 0)) return ['P=0'];
  const flags = ['P', ...(step.hasAccessed ? rightsFlags(step) : []), ...pageFlags(step)];
  if (bit(value, 3)) flags.push('PWT');
  if (bit(value, 4)) flags.push('PCD');
  const key = step.leaf && (mode === '4-level' || mode === '5-level') ? Number((value >> 59n) & 0xfn) : 0;
  return key === 0 ? flags : [...flags, `key ${key}`];
}

/** PAE PDPTEs have none of these. */
function rightsFlags({ value, leaf, sizeBytes }: WalkStep): string[] {
  const flags = [bit(value, 1) ? 'RW' : 'RO', bit(value, 2) ? 'US' : 'SU'];
  if (sizeBytes === 8 && bit(value, 63)) flags.push('XD');
  if (bit(value, 5)) flags.push('A');
  if (leaf && bit(value, 6)) flags.push('D');
  return flags;
}

function pageFlags(step: WalkStep): string[] {
  const { value, leaf, level } = step;
  const flags: string[] = [];
  if (bit(value, 7) && hasPageSizeBit(step)) flags.push('PS');
  if (leaf && bit(value, 8)) flags.push('G');
  if (leaf && bit(value, level === 1 ? PAT_OF_PTE : PAT_OF_LARGE_PAGE)) flags.push('PAT');
  return flags;
}

/** Where no page may be, PS is reserved and worth seeing; only a PDE of 32-bit paging without CR4.PSE ignores it. */
function hasPageSizeBit({ leaf, level, sizeBytes, hasAccessed }: WalkStep): boolean {
  return level > 1 && hasAccessed && (leaf || sizeBytes === 8);
}
