import type { Linux } from '../../../linux/index.ts';
import type { CliContext } from '../../options/command.ts';

/** Linuxes whose modules were read, and what is lacking of them told. */
const told = new WeakSet<Linux>();

/** Has the symbols of modules read, once, and says what is lacking of them. @internal */
export async function loadModules(linux: Linux, { complain }: Pick<CliContext, 'complain'>): Promise<void> {
  const { problems } = await linux.loadModules();
  if (told.has(linux)) return;
  told.add(linux);
  for (const problem of problems) complain(`pagewalk: ${problem}`);
}
