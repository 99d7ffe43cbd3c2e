import type { Alias } from '../../paging/index.ts';
import type { Style } from '../style.ts';
import { formatHex } from '../words/format-hex.ts';
import { formatSize } from '../words/format-size.ts';
import { encodeAttributes } from './encode-map.ts';
import { formatPageRights } from './format-map.ts';

/** Whose physical addresses a nested guest's aliases lead to: that guest's own (L2), or its hypervisor's (L1). @public */
export type PhysicalSpace = 'L1' | 'L2';

/**
 * Linear addresses that lead to physical ones, in a line; of one address only the first is named.
 *
 * @param space - of a nested guest: whose physical addresses these are
 * @returns a line, with its line end
 * @public
 */
export function formatAlias(alias: Alias, style: Style, space: PhysicalSpace | null = null): string {
  const { first, last, physicalFirst, pageSizeBytes, leaves, accessed, dirty } = alias;
  const isOne = first === last;
  const range = isOne ? formatHex(first, 16) : `${formatHex(first, 16)}-${formatHex(last, 16)}`;
  const counts =
    pageSizeBytes === null ? 'no pages' : `${leaves}x${formatSize(pageSizeBytes)} A=${accessed} D=${dirty}`;
  const where = space === null ? '' : `${space} `;
  const end = isOne ? '' : `-${formatHex(physicalFirst + last - first)}`;
  return `${range}  ${formatPageRights(alias, first, style)}  ${counts}  → ${where}${formatHex(physicalFirst)}${end}\n`;
}

/** How a search ended: the last line of its JSON, without line end. @public */
export function encodeAliasEnd(end: {
  readonly complete: boolean;
  readonly count: number;
  readonly rootReadable: boolean;
}): string {
  const { complete, count, rootReadable } = end;
  return JSON.stringify({ kind: 'end', complete, count, rootReadable });
}

/** The same as a line of JSON, without line end. @public */
export function encodeAlias(alias: Alias, space: PhysicalSpace | null = null): string {
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
  });
}
