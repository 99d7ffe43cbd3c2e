import type { GuestView, OpenGuest } from '../../../guest/index.ts';
import type { Linux, LinuxTask } from '../../../linux/index.ts';
import type { AddressSpaceOwner, AreaMap } from '../../../linux/internal.ts';
import type { CliContext } from '../../options/command.ts';
import type { GuestOptions } from '../../options/guest-options.ts';
import { type ScopeOptions, toTranslateScope } from '../../options/scope-options.ts';
import { describeAreaProblems } from './area-problems.ts';
import { complainOnce } from './complain-once.ts';
import { type LookAtLinux, lookAtLinux } from './look-at-linux.ts';
import { rehearseNames } from './rehearse-names.ts';
import { reportedOwner } from './reported-owner.ts';
import { asUsage } from './resolve-addresses.ts';

/** A guest that is looked at, and a scope without names. @internal */
export interface NamedScope {
  /** Good from now on; one that was looked at before is not any more. */
  readonly view: GuestView;
  /** Null where nothing needed it. */
  readonly linux: Linux | null;
  readonly scope: ScopeOptions;
  /** What Linux keeps where, in the address space of the scope; null where names are not shown. */
  readonly areas: AreaMap | null;
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
  /** Names are shown: whose address space it is, and what Linux keeps where in it. */
  readonly showsNames: boolean;
}

/**
 * Finds the address space of the process that a command line names, and what its names are.
 *
 * @throws UsageError `ERR_CLI_USAGE` for a process that there is not, or that has no address space; LinuxDataError
 * `ERR_LINUX_DATA` where there is no Linux.
 * @internal
 */
export async function nameScope(
  view: GuestView,
  guest: OpenGuest,
  needs: NameNeeds,
  context: Pick<CliContext, 'environment' | 'complain'>,
): Promise<NamedScope> {
  const { scope, command, showsNames } = needs;
  const { process, live, symbolsFile } = scope;
  if (!needsNames(needs)) return { view, linux: null, scope, areas: null };
  const looked = await lookAtLinux(view, guest, { cpu: needs.guest.cpu, live, symbolsFile }, context);
  const found =
    process === undefined ? undefined : await asUsage(command, () => looked.linux.rootOf(process, needs.half));
  const owner = found
    ? ({ kind: 'process', ...found } as const)
    : showsNames
      ? await findOwner(looked, needs)
      : undefined;
  const task = owner?.kind === 'process' ? owner.task : null;
  const named = found === undefined ? scope : { ...scope, cr3: found.root };
  return {
    ...looked,
    scope: owner === undefined ? named : { ...named, owner: reportedOwner(owner) },
    areas: showsNames ? await readAreas(looked.linux, task, context) : null,
  };
}

/** Whether anything of a Linux in the guest is needed. @internal */
export function needsNames({ scope, needsLinux, showsNames }: NameNeeds): boolean {
  return scope.process !== undefined || needsLinux || showsNames;
}

/** What {@link nameScope} runs, for a rehearsal. @internal */
export async function rehearseScope(
  view: GuestView,
  needs: NameNeeds,
  context: Pick<CliContext, 'environment'>,
): Promise<void> {
  if (needsNames(needs)) await rehearseNames(view, context);
}

/** Of the address space that is looked at: by its CR3. */
async function findOwner(
  { view, linux }: LookAtLinux,
  { guest: { cpu }, scope, command }: NameNeeds,
): Promise<AddressSpaceOwner | null> {
  const { contextOf } = await import('../../../guest/index.ts');
  const asked = await toTranslateScope(scope, cpu, command);
  return linux.ownerOf(contextOf(await view.scopedState(asked)).root);
}

async function readAreas(
  linux: Linux,
  task: LinuxTask | null,
  context: Pick<CliContext, 'complain'>,
): Promise<AreaMap> {
  const known = await linux.areaMap(task);
  complainOnce(linux, describeAreaProblems(known, task), context);
  return known.map;
}
