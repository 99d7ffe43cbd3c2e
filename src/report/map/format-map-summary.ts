import type { PagingMode } from '../../paging/index.ts';
import { assumptionLines } from '../assumed/format-assumption.ts';
import type { Style } from '../style.ts';
import { formatSpan } from '../words/format-hex.ts';
import { formatRights } from '../words/format-rights.ts';
import { formatRoundedSize } from '../words/format-rounded-size.ts';
import { formatSize } from '../words/format-size.ts';
import { formatMapTitle } from './format-map-title.ts';
import type { MappedAmount, MapSummary, NotableRanges } from './map-summary.ts';
import type { ReportedMap, ReportedMapEnd } from './reported-map.ts';

const TABLE_BYTES = 4096;

/**
 * What a map comes to: how much is mapped with which rights, in pages of which size, what the tables take, and what looks like a
 * mistake.
 *
 * @returns lines, each with its line end
 * @public
 */
export function formatMapSummary(map: ReportedMap, summary: MapSummary, end: ReportedMapEnd, style: Style): string {
  return [
    style.faint(formatMapTitle(map)),
    ...assumptionLines(map.assumed, style),
    ...formatAmounts(summary, style),
    formatTables(end),
    ...(end.rootReadable
      ? []
      : [style.mark('! the root table is neither in RAM nor in ROM: nothing is known of this address space')]),
    ...(end.rootReadable ? formatFindings(summary, map.mode, style) : []),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function formatFindings(summary: MapSummary, mode: PagingMode, style: Style): string[] {
  return [
    ...formatNotable('writable and executable', summary.writableExecutable, mode, style),
    ...formatNotable('user-accessible in the upper half', summary.userInUpperHalf, mode, style),
  ];
}

function formatAmounts(summary: MapSummary, style: Style): string[] {
  const sizes = Object.keys(summary.total.leaves).map(Number);
  const row = (name: string, { bytes, leaves, accessed, dirty }: MappedAmount): string[] => {
    return [
      name,
      formatRoundedSize(bytes),
      ...sizes.map((size) => String(leaves[size] ?? 0)),
      String(accessed),
      String(dirty),
    ];
  };
  const heading = ['rights', 'mapped', ...sizes.map((size) => formatSize(size)), 'accessed', 'dirty'];
  const rows = [...summary.byRights].map(([name, amount]) => row(name, amount));
  const [top = '', ...lines] = align([heading, ...rows, row('all', summary.total)]);
  return [style.faint(top), ...lines];
}

/** The first column to the left, the others to the right. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
}

function formatTables({ tablePages, reservedEntries, unbackedTables }: ReportedMapEnd): string {
  const odd = [
    ...(reservedEntries === 0 ? [] : [`entries with reserved bits: ${reservedEntries}`]),
    ...(unbackedTables === 0 ? [] : [`tables outside of memory: ${unbackedTables}`]),
  ];
  return [`tables take ${formatSize(tablePages * TABLE_BYTES)}`, ...odd].join('; ');
}

function formatNotable(what: string, { count, bytes, first }: NotableRanges, mode: PagingMode, style: Style): string[] {
  if (count === 0) return [`nothing is ${what}`];
  const named = first.map((range) => `  ${formatSpan(range, mode)}  ${formatRights(range.rights)}`);
  const rest = count - first.length;
  return [
    style.mark(`! ${what}: ${formatRoundedSize(bytes)} in ${count === 1 ? 'one range' : `${count} ranges`}`),
    ...named,
    ...(rest === 0 ? [] : [`  and ${rest} more`]),
  ];
}
