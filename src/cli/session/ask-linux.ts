import type { CliContext } from '../options/command.ts';
import type { LinuxOptions } from '../options/linux-options.ts';
import { complainOfAssumed } from './complain-of-assumed.ts';
import { type LookAtLinux, lookAtLinux } from './names/look-at-linux.ts';
import { rehearseNames } from './names/rehearse-names.ts';
import { type Rehearsal, withView } from './with-guest.ts';

/**
 * Asks the Linux in a guest, and says what the answer rests on.
 *
 * @throws as {@link withView} and {@link lookAtLinux}.
 * @internal
 */
export async function askLinux<T>(
  options: LinuxOptions,
  context: CliContext,
  ask: (looked: LookAtLinux) => Promise<T>,
): Promise<T> {
  const { guest, live, symbolsFile } = options;
  const rehearsal: Rehearsal = (view) => rehearseNames(view, context, ask);
  const { answer, assumed } = await withView(guest, { ...options, rehearsal }, context, async (view, attached) => {
    const looked = await lookAtLinux(view, attached, { cpu: guest.cpu, live, symbolsFile }, context);
    return { answer: await ask(looked), assumed: [...looked.view.notes, ...attached.assumed] };
  });
  await complainOfAssumed(assumed, context);
  return answer;
}
