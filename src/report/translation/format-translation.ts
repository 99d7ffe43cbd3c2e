import { formatAreas } from '../linux/format-area.ts';
import { formatPlace } from '../linux/format-symbol.ts';
import type { Style } from '../style.ts';
import { formatAccess } from '../words/format-access.ts';
import { formatLinear } from '../words/format-hex.ts';
import { formatSecondStage } from './format-second-stage.ts';
import { formatSpace } from './format-space.ts';
import { formatVerdict } from './format-verdict.ts';
import { formatWalk } from './format-walk.ts';
import type { ReportedAddressSpace, ReportedTranslation } from './reported-translation.ts';

/**
 * An answer as a person reads it: the question, the walk as a tree, the outcome.
 *
 * ```
 * 0xffff800000001123  user write   4-level paging, CR3 0x110000, vCPU 0
 * └─ PML4[256]      0x110800: 0x0000000000114027  P RW US A
 *    └─ PDPT[0]     0x114000: 0x0000000000115027  P RW US A
 *       └─ PD[0]    0x115000: 0x0000000000116027  P RW US A
 *          └─ PT[1] 0x116008: 0x0000000000121005  P RO US    ◄ responsible
 * ✗ PRIVILEGE_VIOLATION: user write denied by the PTE: the page is read-only (R/W=0)
 *   #PF error code 0x7 (P W U)
 * ```
 *
 * @returns lines, each with its line end
 * @public
 */
export function formatTranslation(reported: ReportedTranslation, space: ReportedAddressSpace, style: Style): string {
  const lines = [
    formatQuestion(reported, space, style),
    ...formatWalk(reported, style),
    ...formatSecondStage(reported, style),
    ...formatVerdict(reported, style),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function formatQuestion(
  { request, translation, mode, cpu, place, areas }: ReportedTranslation,
  space: ReportedAddressSpace,
  style: Style,
): string {
  const { linearAddress, untaggedAddress } = translation;
  // LAM and UAI take a tag off before the walk.
  const untagged = untaggedAddress === linearAddress ? '' : ` walked as ${formatLinear(untaggedAddress, mode)}`;
  const address = `${style.strong(formatLinear(linearAddress, mode))}${untagged}`;
  const known = place ? formatPlace(place) : areas ? formatAreas(areas) : '';
  const name = known === '' ? '' : `  ${known}`;
  return `${address}${name}  ${formatAccess(request.access)}   ${style.faint(formatSpace(mode, cpu, space))}`;
}
