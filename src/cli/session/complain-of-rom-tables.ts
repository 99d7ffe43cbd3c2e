import type { CliContext } from '../options/command.ts';
import { describeRomTables } from '../picture/snapshot-notes.ts';

/** Says on standard error where tables lie in which a processor sets no bits. @param names - of ROM @internal */
export function complainOfRomTables(names: readonly string[], context: Pick<CliContext, 'complain'>): void {
  if (names.length === 0) return;
  context.complain(`pagewalk: ${describeRomTables(names)}`);
}
