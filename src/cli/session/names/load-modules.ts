import type { Linux } from '../../../linux/index.ts';
import type { CliContext } from '../../options/command.ts';
import { complainOnce } from './complain-once.ts';

/** Has the symbols of modules read, once, and says what is lacking of them. @internal */
export async function loadModules(linux: Linux, context: Pick<CliContext, 'complain'>): Promise<void> {
  const { problems } = await linux.loadModules();
  complainOnce(linux, problems, context);
}
