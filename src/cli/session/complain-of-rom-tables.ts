import type { CliContext } from '../options/command.ts';

/** Says on standard error where tables lie in which a processor sets no bits. @param names - of ROM @internal */
export function complainOfRomTables(names: readonly string[], context: Pick<CliContext, 'complain'>): void {
  if (names.length === 0) return;
  context.complain(`pagewalk: page tables lie in ROM (${names.join(', ')}), where no A or D bit can be set`);
}
