import type { Style } from '../style.ts';
import { formatMarks } from '../translation/format-brief.ts';
import { formatSecondStage } from '../translation/format-second-stage.ts';
import { formatSpace } from '../translation/format-space.ts';
import { formatCaveats } from '../translation/format-verdict.ts';
import { formatWalk } from '../translation/format-walk.ts';
import { formatHex, formatLinear } from '../words/format-hex.ts';
import { formatHvReason } from './format-hv-reason.ts';
import { formatBytes, formatCacheType, formatControlFlags, formatEvent, gpaOf } from './hv-words.ts';
import type { ReportedHvTranslation } from './reported-hv-translation.ts';

/**
 * An answer as a person reads it: the question, the walk that decided, the result, and the output's bytes.
 *
 * ```
 * 0x0000008000001123  VALIDATE_WRITE, SET_PAGE_TABLE_BITS   4-level paging, CR3 0x110000, vCPU 0, CPL 0
 * └─ PML4[1] …
 * ✓ Success: GPA page 0x120 (0x120123), WB
 *   HvCallTranslateVirtualAddress: 0000000006000000 2001000000000000
 * ```
 *
 * @returns lines, each with its line end
 * @public
 */
export function formatHvTranslation(reported: ReportedHvTranslation, style: Style): string {
  const { walk, answer, bitsAreSet, assumed } = reported;
  const lines = [
    formatQuestion(reported, style),
    ...(walk === null ? [] : [...formatWalk(walk, style), ...formatSecondStage(walk, style)]),
    formatResult(reported, style),
    ...(answer.event === null ? [] : [`  ${style.faint('EventInfo:')} ${formatEvent(answer.event)}`]),
    `  ${style.faint(`${reported.hypercall}:`)} ${formatBytes(reported.output)}`,
    ...(bitsAreSet === false
      ? ['  not every bit could be set, as an entry is not in writable RAM or did not stay the same']
      : []),
    ...(answer.inhibitsTlbFlush ? ['  TLB flushes of the target would be inhibited'] : []),
    ...formatCaveats({ inRom: walk?.inRom ?? [], deviation: walk?.deviation ?? null, assumed }, style),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/**
 * An answer in a line: `0x0000008000001123  0x120123  Success  WB`; or `0x…  -  GpaUnmapped  0x554` with the page of tables where
 * the code is about one.
 *
 * @returns a line, with its line end
 * @public
 */
export function formatHvBrief({ gva, mode, answer, assumed, walk }: ReportedHvTranslation, style: Style): string {
  const { name, gpaPage, cacheType, overlayPage } = answer;
  const address = formatLinear(gva, mode);
  const marks = formatMarks({ assumed, deviates: (walk?.deviation ?? null) !== null }, style);
  if (name === 'Success') {
    const overlay = overlayPage ? '  overlay' : '';
    return `${address}  ${formatHex(gpaOf(gpaPage, gva))}  ${name}  ${formatCacheType(cacheType)}${overlay}${marks}\n`;
  }
  const page = gpaPage === 0n ? '' : `  ${formatHex(gpaPage)}`;
  return `${address}  -  ${style.bad(name)}${page}${marks}\n`;
}

function formatQuestion(
  { gva, controlFlags, mode, cpu, vtl, cpl, space }: ReportedHvTranslation,
  style: Style,
): string {
  const where = formatSpace(mode, cpu, space, [...(vtl.isNamed ? [`VTL ${vtl.number}`] : []), `CPL ${cpl}`]);
  return `${style.strong(formatLinear(gva, mode))}  ${formatControlFlags(controlFlags)}   ${style.faint(where)}`;
}

function formatResult(reported: ReportedHvTranslation, style: Style): string {
  const { gva, answer } = reported;
  const reason = formatHvReason(reported);
  const { name, gpaPage, cacheType, overlayPage } = answer;
  const page = formatHex(gpaPage);
  if (name === 'Success') {
    const overlay = overlayPage ? ', an overlay page' : '';
    const address = formatHex(gpaOf(gpaPage, gva));
    return `${style.good('✓')} Success: GPA page ${style.strong(page)} (${address}), ${formatCacheType(cacheType)}${overlay}`;
  }
  const where = gpaPage === 0n ? '' : ` (GPA page ${page})`;
  return `${style.bad('✗')} ${style.strong(name)}${where}${reason === null ? '' : `: ${reason}`}`;
}
