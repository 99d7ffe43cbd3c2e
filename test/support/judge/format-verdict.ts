import type { ReferenceTranslation } from '../reference/reference-translation.ts';
import { hex } from './describe-translation.ts';

/**
 * A translation in a line that a table can hold: `address size rights`, or `cause code level:address` with the responsible
 * entry. Takes the reference's answers and the walker's alike.
 *
 * @internal
 */
export function formatVerdict(result: ReferenceTranslation): string {
  if (result.kind === 'mapped') {
    const { write, user, exec } = result.rights;
    const letters = `${write ? 'w' : '-'}${user ? 'u' : '-'}${exec ? 'x' : '-'}`;
    return `${hex(result.physicalAddress)} ${result.pageSizeBytes} ${letters}`;
  }
  const where = result.responsible && ` ${result.responsible.level}:${hex(result.responsible.address)}`;
  return `${result.cause} ${result.errorCode?.toString(16) ?? '-'}${where ?? ''}`;
}
