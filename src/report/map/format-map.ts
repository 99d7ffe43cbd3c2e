import type { MappedRange, PageAttributes, PagingMode } from '../../paging/index.ts';
import { assumptionLines } from '../assumed/format-assumption.ts';
import { formatAreas, type ReportedAreas } from '../linux/format-area.ts';
import type { Style } from '../style.ts';
import { formatRegions } from '../translation/format-regions.ts';
import type { ReportedRegion } from '../translation/reported-translation.ts';
import { formatHex, formatLinear, formatSpan, linearDigits, spanWidth } from '../words/format-hex.ts';
import { formatRights } from '../words/format-rights.ts';
import { formatSize } from '../words/format-size.ts';
import { formatMapTitle } from './format-map-title.ts';
import type { ReportedLeaf, ReportedMap } from './reported-map.ts';

/** Where the first address of the upper half is, in every mode that has halves. */
const UPPER_HALF = 1n << 63n;

/**
 * Whose map it is, and what its columns are.
 *
 * @returns lines, each with its line end
 * @public
 */
export function formatMapHeading(map: ReportedMap, style: Style): string {
  const where = map.nested === null ? '' : ' (L1 physical)';
  const columns =
    map.of === 'ranges'
      ? `${'linear addresses'.padEnd(spanWidth(map.mode))}  ${'size'.padStart(6)}  rights  pages, accessed, dirty; where they lead${where}`
      : `${'address'.padEnd(linearDigits(map.mode) + 2)}  page  rights  accessed, dirty; where it leads${where}`;
  return [style.faint(formatMapTitle(map)), ...assumptionLines(map.assumed, style), style.faint(columns)]
    .map((line) => `${line}\n`)
    .join('');
}

/**
 * A range in a line, with what lies there:
 *
 * ```
 * 0x0000008000000000-0x0000008000000fff      4K  rwxu  1x4K A=0 D=0  → 0x120000-0x120fff RAM pc.ram
 * ```
 *
 * @param mode - decides how many digits an address has
 * @param areas - what Linux keeps there, where names were asked for
 * @returns a line, with its line end
 * @public
 */
export function formatMappedRange(
  range: MappedRange,
  regions: readonly ReportedRegion[],
  mode: PagingMode,
  style: Style,
  areas: ReportedAreas | null = null,
): string {
  const { first, last } = range;
  const span = formatSpan(range, mode);
  const size = formatSize(last - first + 1n).padStart(6);
  const counts =
    range.leafCount === 0 ? 'no pages' : `${formatLeaves(range.leaves)} A=${range.accessed} D=${range.dirty}`;
  return `${span}  ${size}  ${formatPageRights(range, first, style)}  ${counts}  ${formatPhysical(range, regions)}${formatLabel(areas, style)}\n`;
}

/** A page in a line. @param mode - decides how many digits an address has @returns a line, with its line end @public */
export function formatLeaf(leaf: ReportedLeaf, mode: PagingMode, style: Style): string {
  const size = formatSize(leaf.sizeBytes).padStart(4);
  const used = `${leaf.accessed ? 'A' : '-'}${leaf.dirty ? 'D' : '-'}`;
  const where = `→ ${formatHex(leaf.physicalAddress)} ${formatRegions([leaf.region])}${formatLabel(leaf.areas ?? null, style)}`;
  return `${formatLinear(leaf.address, mode)}  ${size}  ${formatPageRights(leaf, leaf.address, style)}  ${used}  ${where}\n`;
}

/** Behind all else. @internal */
export function formatLabel(areas: ReportedAreas | null, style: Style): string {
  const text = areas === null ? '' : formatAreas(areas);
  return text === '' ? '' : `  ${style.strong(text)}`;
}

/** Rights, with what no kernel should have set off. @internal */
export function formatPageRights(
  { rights, protectionKey, global }: PageAttributes,
  first: bigint,
  style: Style,
): string {
  const isOdd = (rights.write && rights.exec) || (rights.user && first >= UPPER_HALF);
  const more = [...(global ? ['G'] : []), ...(protectionKey ? [`key ${protectionKey}`] : [])];
  return [isOdd ? style.mark(formatRights(rights)) : formatRights(rights), ...more].join(' ');
}

/** `3x4K 1x2M`. @internal */
export function formatLeaves(leaves: Readonly<Record<number, number>>): string {
  const known = TEXT_OF_LEAVES.get(leaves);
  if (known !== undefined) return known;
  const text = Object.entries(leaves)
    .map(([bytes, count]) => `${count}x${formatSize(Number(bytes))}`)
    .join(' ');
  TEXT_OF_LEAVES.set(leaves, text);
  return text;
}

/** Ranges share their counts of pages where these are equal. */
const TEXT_OF_LEAVES = new WeakMap<object, string>();

function formatPhysical(
  { physicalLowest, physicalHighest, physicalPieces }: MappedRange,
  regions: readonly ReportedRegion[],
): string {
  const pieces = physicalPieces === 1 ? '' : `${physicalPieces} pieces in `;
  return `→ ${pieces}${formatHex(physicalLowest)}-${formatHex(physicalHighest)} ${formatRegions(regions)}`;
}
