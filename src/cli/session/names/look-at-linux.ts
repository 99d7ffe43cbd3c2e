import type { GuestView, OpenGuest } from '../../../guest/index.ts';
import type { Linux } from '../../../linux/index.ts';
import type { KernelNames } from '../../../linux/internal.ts';
import type { CliContext } from '../../options/command.ts';
import { KernelFiles } from './kernel-files.ts';

/** A guest that is looked at, and the Linux in it. @internal */
export interface LookAtLinux {
  /** Good from now on; one that was looked at before is not any more. */
  readonly view: GuestView;
  readonly linux: Linux;
}

/**
 * Names of the Linux in a guest. Where they are not known yet the guest runs on while they are made of what was read, and is
 * paused again for the question itself.
 *
 * @throws LinuxDataError `ERR_LINUX_DATA` where there is no Linux.
 * @internal
 */
export async function lookAtLinux(
  view: GuestView,
  guest: OpenGuest,
  { cpu, live }: { readonly cpu: number; readonly live: boolean },
  context: Pick<CliContext, 'environment'>,
): Promise<LookAtLinux> {
  const { Linux } = await import('../../../linux/internal.ts');
  const known = new KernelFiles(context.environment);
  const found = await view.lookForLinux(known, cpu);
  if ('names' in found.kernel) return { view, linux: new Linux(found.kernel.names, found.space) };
  if (!live) await guest.running?.resume();
  const { readKernelNames } = await import('../../../linux/internal.ts');
  const names = readKernelNames(found.kernel.image);
  known.keep(names);
  if (live) return { view, linux: new Linux(names, found.space) };
  const again = await guest.look();
  return { view: again, linux: await sameLinux(again, cpu, names) };
}

/** The kernel that has these names, found anew: its address space belongs to the pause in which it was found. */
async function sameLinux(view: GuestView, cpu: number, names: KernelNames): Promise<Linux> {
  const { KernelMemo, Linux, readKernelNames } = await import('../../../linux/internal.ts');
  const memo = new KernelMemo();
  memo.keep(names);
  const { kernel, space } = await view.lookForLinux(memo, cpu);
  return new Linux('names' in kernel ? kernel.names : readKernelNames(kernel.image), space);
}
