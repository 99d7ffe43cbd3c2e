import type { GuestView } from '../../../guest/index.ts';
import type { CliContext } from '../../options/command.ts';
import { readLatestNames } from './kernel-files.ts';
import type { LookAtLinux } from './look-at-linux.ts';

/**
 * For a rehearsal: looks for a Linux where there is none, and asks one that has the names of the last guest and empty memory.
 * Those names are at hand then, should it be the same guest.
 *
 * @param ask - the question to Linux; its processes, where it is not known yet
 * @internal
 */
export async function rehearseNames(
  view: GuestView,
  { environment }: Pick<CliContext, 'environment'>,
  ask: (looked: LookAtLinux) => Promise<unknown> = ({ linux }) => linux.taskList(),
): Promise<void> {
  const { Linux } = await import('../../../linux/internal.ts');
  const names = readLatestNames(environment);
  await view.lookForLinux({ at: () => [], keep: () => {} }).catch(() => {});
  if (names !== null) await ask({ view, linux: new Linux(names, await view.addressSpace(0)) }).catch(() => {});
}
