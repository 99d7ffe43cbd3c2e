import type { Style } from '../style.ts';
import { formatSecondStage } from '../translation/format-second-stage.ts';
import { formatCaveats } from '../translation/format-verdict.ts';
import { formatWalk } from '../translation/format-walk.ts';
import { formatHex } from '../words/format-hex.ts';
import { formatMode } from '../words/format-mode.ts';
import { formatBytes, formatCacheType, formatControlFlags } from './hv-words.ts';
import type { ReportedHvTranslation } from './reported-hv-translation.ts';

const PAGE_SHIFT = 12n;

/**
 * An answer as a person reads it: the question, the walk that decided, the result, and the output's bytes.
 *
 * ```
 * 0x0000008000001123  VALIDATE_WRITE, SET_PAGE_TABLE_BITS   4-level paging, vCPU 0, CPL 0
 * └─ PML4[1] …
 * ✓ Success: GPA page 0x120 (0x120123), WB
 *   HvCallTranslateVirtualAddress: 0000000006000000 2001000000000000
 * ```
 *
 * @returns lines, each with its line end
 * @public
 */
export function formatHvTranslation(reported: ReportedHvTranslation, style: Style): string {
  const lines = [
    formatQuestion(reported, style),
    ...formatWalk(reported.walk, style),
    ...formatSecondStage(reported.walk, style),
    formatResult(reported, style),
    `  ${style.faint(`${reported.hypercall}:`)} ${formatBytes(reported.output)}`,
    ...(reported.bitsAreSet
      ? []
      : ['  not every bit could be set, as an entry is not in writable RAM or did not stay the same']),
    ...formatCaveats({ deviation: reported.walk.deviation, assumed: reported.assumed }, style),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function formatQuestion({ gva, controlFlags, cpl, walk }: ReportedHvTranslation, style: Style): string {
  const where = `${formatMode(walk.mode)}, vCPU ${walk.cpu}, CPL ${cpl}`;
  return `${style.strong(formatHex(gva, 16))}  ${formatControlFlags(controlFlags)}   ${style.faint(where)}`;
}

function formatResult({ gva, answer, reason }: ReportedHvTranslation, style: Style): string {
  const { name, gpaPage, cacheType, overlayPage } = answer;
  const page = formatHex(gpaPage);
  if (name === 'Success') {
    const address = formatHex((gpaPage << PAGE_SHIFT) | BigInt.asUintN(Number(PAGE_SHIFT), gva));
    const overlay = overlayPage ? ', an overlay page' : '';
    return `${style.good('✓')} Success: GPA page ${style.strong(page)} (${address}), ${formatCacheType(cacheType)}${overlay}`;
  }
  const where = gpaPage === 0n ? '' : ` (GPA page ${page})`;
  return `${style.bad('✗')} ${style.strong(name)}${where}${reason === null ? '' : `: ${reason}`}`;
}
