import type { Alias, PagingMode } from '../../paging/index.ts';
import { encodeAssumption } from '../assumed/format-assumption.ts';
import type { ReportedAssumption } from '../assumed/reported-assumption.ts';
import { areaFields, type ReportedAreas } from '../linux/format-area.ts';
import { encodeOwner, formatOwner, type ReportedOwner } from '../linux/format-owner.ts';
import type { Style } from '../style.ts';
import { formatHex, formatLinear, formatSpan } from '../words/format-hex.ts';
import { formatSize } from '../words/format-size.ts';
import { encodeAttributes } from './encode-map.ts';
import { formatLabel, formatPageRights } from './format-map.ts';

/** Whose physical addresses a nested guest's aliases lead to: that guest's own (L2), or its hypervisor's (L1). @public */
export type PhysicalSpace = 'L1' | 'L2';

/** What the guest's Linux says of linear addresses. @public */
export interface AliasNames {
  /** What it keeps there. */
  readonly areas?: ReportedAreas | null;
  /** Whose address space they are of, where several were looked through; null for the kernel's own. */
  readonly owner?: ReportedOwner | null;
}

/**
 * Linear addresses that lead to physical ones, in a line; of one address only the first is named.
 *
 * @param mode - decides how many digits an address has
 * @param space - of a nested guest: whose physical addresses these are
 * @param names - where the guest's Linux was asked
 * @returns a line, with its line end
 * @public
 */
export function formatAlias(
  alias: Alias,
  mode: PagingMode,
  style: Style,
  space: PhysicalSpace | null = null,
  { areas = null, owner = null }: AliasNames = {},
): string {
  const { first, last, physicalFirst, pageSizeBytes, leaves, accessed, dirty } = alias;
  const isOne = first === last;
  const range = isOne ? formatLinear(first, mode) : formatSpan(alias, mode);
  const counts =
    pageSizeBytes === null ? 'no pages' : `${leaves}x${formatSize(pageSizeBytes)} A=${accessed} D=${dirty}`;
  const where = space === null ? '' : `${space} `;
  const whose = owner === null ? '' : `  ${formatOwner(owner)}`;
  const end = isOne ? '' : `-${formatHex(physicalFirst + last - first)}`;
  return `${range}  ${formatPageRights(alias, first, style)}  ${counts}  → ${where}${formatHex(physicalFirst)}${end}${formatLabel(areas, style)}${whose}\n`;
}

/** How a search ended: the last line of its JSON, without line end. @public */
export function encodeAliasEnd(end: {
  readonly complete: boolean;
  readonly count: number;
  readonly rootReadable: boolean;
  /** What the search rests on. */
  readonly assumed: readonly ReportedAssumption[];
}): string {
  const { complete, count, rootReadable, assumed } = end;
  return JSON.stringify({ kind: 'end', complete, count, rootReadable, assumed: assumed.map(encodeAssumption) });
}

/** The same as a line of JSON, without line end. @public */
export function encodeAlias(alias: Alias, space: PhysicalSpace | null = null, names: AliasNames = {}): string {
  return JSON.stringify({
    kind: 'alias',
    first: formatHex(alias.first),
    last: formatHex(alias.last),
    physicalFirst: formatHex(alias.physicalFirst),
    // Only where there is a choice: scripts for ordinary guests see the same fields always.
    ...(space === null ? {} : { physicalSpace: space }),
    pageSize: alias.pageSizeBytes,
    ...encodeAttributes(alias),
    leaves: alias.leaves,
    accessed: alias.accessed,
    dirty: alias.dirty,
    ...areaFields(names.areas ?? null),
    ...(names.owner === undefined ? {} : { owner: names.owner && encodeOwner(names.owner) }),
  });
}
