import type { PagingMode } from '../../paging/index.ts';
import { formatOwner } from '../linux/format-owner.ts';
import { formatHex } from '../words/format-hex.ts';
import { formatMode } from '../words/format-mode.ts';
import type { ReportedAddressSpace } from './reported-translation.ts';

/**
 * `4-level paging, CR3 0x110000, vCPU 0`, and what is supposed to be otherwise than it is.
 *
 * @param more - of the vCPU: `CPL 0`
 * @internal
 */
export function formatSpace(
  mode: PagingMode,
  cpu: number,
  { cr3, given, owner, changes = [], profile }: ReportedAddressSpace,
  more: readonly string[] = [],
): string {
  const tables =
    mode === 'off' ? [] : [`CR3 ${formatHex(cr3)}${owner ? ` (${formatOwner(owner)})` : given ? ' (given)' : ''}`];
  const whatIf = changes.length === 0 ? [] : [`if ${changes.join(' and ')}`];
  const machine = profile === undefined ? [] : [`as ${profile} has it`];
  return [formatMode(mode), ...tables, `vCPU ${cpu}`, ...more, ...whatIf, ...machine].join(', ');
}
