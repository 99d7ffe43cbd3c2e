import type { HvTranslateAnswer } from '../../abi/index.ts';
import { formatReason } from '../reasons/format-reason.ts';
import type { ReportedHvTranslation } from './reported-hv-translation.ts';

/** Of codes about pages of tables, what was refused. */
const TABLE_REASONS: Readonly<Partial<Record<HvTranslateAnswer['name'], string>>> = {
  GpaNoReadAccess: 'a table cannot be read',
  GpaNoWriteAccess: 'a bit is to be set in a table that cannot be written',
  GpaIllegalOverlayAccess: 'a table lies in an overlay page that does not allow it',
};

/** Why the hypercall failed, as a sentence; null when it did not. @internal */
export function formatHvReason({
  answer: { name, event },
  walk,
  vtl,
}: Pick<ReportedHvTranslation, 'answer' | 'walk' | 'vtl'>): string | null {
  if (name === 'Success') return null;
  if (event?.type === 'memoryIntercept') {
    const use = event.access === 'write' ? 'set a bit in' : 'read';
    return `VTL ${event.targetVtl} does not let VTL ${vtl.number} ${use} a table`;
  }
  const ofTable = TABLE_REASONS[name];
  if (ofTable !== undefined) return ofTable;
  if (walk === null) return 'the address has more than 64 bits';
  const { translation, nested } = walk;
  if (nested?.translation.kind === 'nested-fault') return formatReason(nested.translation.reason);
  return translation.kind === 'fault' ? formatReason(translation.reason) : null;
}
