import type { PagingMode } from '../../paging/index.ts';
import type { Style } from '../style.ts';
import { formatSpace } from '../translation/format-space.ts';
import type { ReportedAddressSpace } from '../translation/reported-translation.ts';
import { formatHex, formatSpan, spanWidth } from '../words/format-hex.ts';
import { formatRights } from '../words/format-rights.ts';
import { formatSize } from '../words/format-size.ts';
import { totalUsage, type UsageRange } from './usage-range.ts';

/** What a guest has touched while it ran once. @public */
export interface ReportedUsage {
  /** From 1 on. */
  readonly round: number;
  /** How long it ran. */
  readonly ms: number;
  readonly cpu: number;
  readonly mode: PagingMode;
  readonly space: ReportedAddressSpace;
  readonly ranges: readonly UsageRange[];
  /** False where TLBs could not be flushed: pages whose translation a processor had kept count as untouched. */
  readonly exact: boolean;
}

/**
 * A round in lines: the working set as numbers, and each range with a strip.
 *
 * @returns lines, each with its line end
 * @public
 */
export function formatUsage({ round, ms, cpu, mode, space, ranges, exact }: ReportedUsage, style: Style): string {
  const { pages, touched, written, dirtyBefore, sizeBytes, touchedBytes, writtenBytes } = totalUsage(ranges);
  const least = exact ? '' : 'at least ';
  const unknown = dirtyBefore === 0 ? '' : `; ${dirtyBefore} were dirty before`;
  const lines = [
    style.faint(formatSpace(mode, cpu, space)),
    `round ${round}, ${ms} ms: ${least}${touched} of ${pages} pages touched (${formatSize(touchedBytes)} of ${formatSize(sizeBytes)}), ` +
      `${written} written (${formatSize(writtenBytes)})${unknown}`,
    style.faint(
      `${'linear addresses'.padEnd(spanWidth(mode))}  ${'size'.padStart(6)}  rights  touched; . none, a some, A all, w some written, W all written`,
    ),
    ...ranges.map((range) => formatUsageRange(range, mode)),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function formatUsageRange(range: UsageRange, mode: PagingMode): string {
  const { rights, pages, touched, sizeBytes, strip } = range;
  const span = formatSpan(range, mode);
  return `${span}  ${formatSize(sizeBytes).padStart(6)}  ${formatRights(rights)}    ${touched} of ${pages}  ${strip}`;
}

/** A round as lines of JSON, without the last line end: the sum, and each range. @public */
export function encodeUsage({ round, ms, cpu, mode, space, ranges, exact }: ReportedUsage): string {
  const head = {
    ...{ kind: 'round', round, ms, cpu, mode, cr3: formatHex(space.cr3), exact },
    ...encodeCounts(totalUsage(ranges)),
  };
  const lines = ranges.map((range) => {
    const { first, last, rights, strip } = range;
    return {
      kind: 'range',
      round,
      first: formatHex(first),
      last: formatHex(last),
      rights,
      ...encodeCounts(range),
      strip,
    };
  });
  return [head, ...lines].map((line) => JSON.stringify(line)).join('\n');
}

function encodeCounts(counts: ReturnType<typeof totalUsage>): object {
  const { pages, touched, written, dirtyBefore, sizeBytes, touchedBytes, writtenBytes } = counts;
  return {
    ...{ pages, touched, written, dirtyBefore },
    ...{ size: Number(sizeBytes), touchedSize: Number(touchedBytes), writtenSize: Number(writtenBytes) },
  };
}
