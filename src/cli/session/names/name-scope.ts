import type { GuestView, OpenGuest } from '../../../guest/index.ts';
import type { Linux, LinuxTask } from '../../../linux/index.ts';
import { UsageError } from '../../errors.ts';
import type { CliContext } from '../../options/command.ts';
import type { GuestOptions } from '../../options/guest-options.ts';
import type { ScopeOptions } from '../../options/scope-options.ts';
import { lookAtLinux } from './look-at-linux.ts';
import { asUsage } from './resolve-addresses.ts';

/** A guest that is looked at, and a scope without names. @internal */
export interface NamedScope {
  /** Good from now on; one that was looked at before is not any more. */
  readonly view: GuestView;
  /** Null where nothing needed it. */
  readonly linux: Linux | null;
  readonly scope: ScopeOptions;
}

/** What is asked, and what it needs. @internal */
export interface NameNeeds {
  readonly guest: GuestOptions;
  readonly scope: ScopeOptions;
  readonly command: string;
  /** Whose tables are meant where user and kernel mode have two: those in use at the access. */
  readonly half: 'user' | 'kernel';
  /** Names are needed besides those of the scope. */
  readonly needsLinux: boolean;
}

/**
 * Finds the address space of the process that a command line names.
 *
 * @throws UsageError `ERR_CLI_USAGE` for a process that there is not, or that has no address space; LinuxDataError
 * `ERR_LINUX_DATA` where there is no Linux.
 * @internal
 */
export async function nameScope(
  view: GuestView,
  guest: OpenGuest,
  { guest: { cpu }, scope, command, half, needsLinux }: NameNeeds,
  context: Pick<CliContext, 'environment'>,
): Promise<NamedScope> {
  const { process, live, symbolsFile } = scope;
  if (process === undefined && !needsLinux) return { view, linux: null, scope };
  const looked = await lookAtLinux(view, guest, { cpu, live, symbolsFile }, context);
  if (process === undefined) return { ...looked, scope };
  const task = await asUsage(command, () => looked.linux.process(process));
  const root = half === 'user' ? (task.userCr3 ?? task.cr3) : task.cr3;
  if (root === null)
    throw new UsageError(`${describe(task)} is a thread of the kernel: it has no address space`, command);
  const halfName = task.userCr3 === null ? '' : `, ${half} half`;
  return { ...looked, scope: { ...scope, cr3: root, owner: `${describe(task)}${halfName}` } };
}

function describe({ pid, comm }: LinuxTask): string {
  return `process ${pid} ${comm}`;
}
