import type { Assumption } from '../../../guest/index.ts';
import type { Linux, LinuxTask } from '../../../linux/index.ts';
import type { CliContext } from '../../options/command.ts';
import type { AddressRange } from '../../options/parse-range.ts';
import { toTranslateScope } from '../../options/scope-options.ts';
import { lookAtLinux } from '../../session/names/look-at-linux.ts';
import { reportedOwner } from '../../session/names/reported-owner.ts';
import { resolvePhysical, resolveRange } from '../../session/names/resolve-addresses.ts';
import { withView } from '../../session/with-guest.ts';
import type { FoundAlias, FoundAliases } from './found-aliases.ts';
import type { FindCommandLine } from './parse-find.ts';

const LAST = 0xffff_ffff_ffff_ffffn;
/** The first address of the kernel's half. */
const KERNEL_FIRST = 1n << 63n;

/** One address space to look in: the lower half of a process, or the upper half, which all share. */
interface Place {
  readonly task: LinuxTask | null;
  readonly cr3: bigint;
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * Looks in every process of the guest's Linux, and in the kernel's half, in one pause.
 *
 * @param limit - stops after so many places
 * @throws as `withView`; LinuxDataError `ERR_LINUX_DATA` where there is no Linux.
 * @internal
 */
export async function findInProcesses(
  line: FindCommandLine,
  limit: number,
  context: CliContext,
): Promise<FoundAliases> {
  const { guest, scope } = line;
  const asked = await toTranslateScope(scope, guest.cpu, 'find');
  return withView(guest, scope, context, async (view, attached) => {
    const question = { cpu: guest.cpu, live: scope.live, symbolsFile: scope.symbolsFile };
    const looked = await lookAtLinux(view, attached, question, context);
    const range = await resolveRange(line.range, looked, guest.cpu, 'find');
    const physical = await resolvePhysical(line.physical, looked, asked, 'find');
    const { tasks, problem } = await looked.linux.taskList();
    if (problem !== null) context.complain(`pagewalk: ${problem}`);
    const aliases: FoundAlias[] = [];
    const assumed = new Map<string, Assumption>();
    let complete = true;
    for (const place of placesOf(tasks, range)) {
      const { first, last } = place;
      const snapshot = await looked.view.snapshot({ ...asked, cr3: place.cr3, first, last });
      for (const each of [...snapshot.assumed, ...attached.assumed]) assumed.set(each.name, each);
      const found: FoundAlias[] = [];
      const result = snapshot.aliases(physical, (alias) => found.push({ alias, names: {} }) + aliases.length < limit, {
        first,
        last,
      });
      aliases.push(...(await named(found, place, looked.linux)));
      complete &&= result.complete;
      if (aliases.length >= limit) break;
      context.signal.throwIfAborted();
    }
    return { aliases, range, physical, complete, unreadable: null, assumed: [...assumed.values()], isNested: false };
  });
}

/** Processes that share their memory are one place. */
function placesOf(tasks: readonly LinuxTask[], { first = 0n, last = LAST }: Partial<AddressRange>): readonly Place[] {
  const places: Place[] = [];
  const seen = new Set<bigint>();
  for (const task of tasks) {
    // User mode's own root leaves its rights as that mode has them.
    const cr3 = task.userCr3 ?? task.cr3;
    if (cr3 === null || task.cr3 === null || seen.has(cr3)) continue;
    if (seen.size === 0 && last >= KERNEL_FIRST) {
      places.push({ task: null, cr3: task.cr3, first: first < KERNEL_FIRST ? KERNEL_FIRST : first, last });
    }
    seen.add(cr3);
    if (first < KERNEL_FIRST) places.push({ task, cr3, first, last: last < KERNEL_FIRST ? last : KERNEL_FIRST - 1n });
  }
  return places;
}

async function named(found: readonly FoundAlias[], { task }: Place, linux: Linux): Promise<FoundAlias[]> {
  if (found.length === 0) return [];
  const { map } = await linux.areaMap(task);
  const owner = task === null ? null : reportedOwner({ kind: 'process', task, half: null });
  return found.map(({ alias }) => ({ alias, names: { areas: map.over(alias.first, alias.last), owner } }));
}
