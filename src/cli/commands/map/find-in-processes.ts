import type { Assumption, GuestView, TableSnapshot } from '../../../guest/index.ts';
import type { Linux, LinuxTask } from '../../../linux/index.ts';
import type { CliContext } from '../../options/command.ts';
import type { AddressRange } from '../../options/parse-range.ts';
import { toTranslateScope } from '../../options/scope-options.ts';
import { describeAreaProblems } from '../../session/names/area-problems.ts';
import { complainOnce } from '../../session/names/complain-once.ts';
import { lookAtLinux } from '../../session/names/look-at-linux.ts';
import { rehearseNames } from '../../session/names/rehearse-names.ts';
import { reportedOwner } from '../../session/names/reported-owner.ts';
import { resolvePhysical, resolveRange } from '../../session/names/resolve-addresses.ts';
import { withView } from '../../session/with-guest.ts';
import type { FoundAlias, FoundAliases } from './found-aliases.ts';
import type { FindCommandLine } from './parse-find.ts';
import { searchSnapshot } from './search-snapshot.ts';

const LAST = 0xffff_ffff_ffff_ffffn;
/** Of processes that cannot be looked in so many are named. */
const MOST_NAMED = 8;

/** What is looked for in processes, and how. @internal */
export interface ProcessSearch {
  readonly linux: Pick<Linux, 'threadList' | 'kernelFirst' | 'areaMap'>;
  /** The tables below a root, in one of its parts. */
  readonly snapshotOf: (cr3: bigint, part: AddressRange) => Promise<TableSnapshot>;
  readonly range: Partial<AddressRange>;
  readonly physical: AddressRange;
  /** Stops after so many places. */
  readonly limit: number;
}

/** One address space to look in: the lower half of a process, or the upper half, which all share. */
interface Place {
  /** Null for the kernel's half. */
  readonly task: LinuxTask | null;
  readonly cr3: bigint;
  readonly part: AddressRange;
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
  const rehearsal = async (view: GuestView): Promise<unknown> => {
    await rehearseNames(view, context);
    return view.snapshot();
  };
  return withView(guest, { ...scope, rehearsal }, context, async (view, attached) => {
    const question = { cpu: guest.cpu, live: scope.live, symbolsFile: scope.symbolsFile };
    const looked = await lookAtLinux(view, attached, question, context);
    const { linux } = looked;
    const range = await resolveRange(line.range, looked, guest.cpu, 'find');
    const physical = await resolvePhysical(line.physical, looked, asked, 'find');
    const snapshotOf = snapshotsOf(looked.view, asked, context.signal);
    const found = await searchProcesses({ linux, snapshotOf, range, physical, limit }, context);
    return { ...found, assumed: onceEach([...found.assumed, ...attached.assumed]) };
  });
}

function snapshotsOf(
  view: GuestView,
  scope: Awaited<ReturnType<typeof toTranslateScope>>,
  signal: AbortSignal,
): ProcessSearch['snapshotOf'] {
  return async (cr3, part) => {
    signal.throwIfAborted();
    return view.snapshot({ ...scope, cr3, ...part });
  };
}

/** The same of any guest. @internal */
export async function searchProcesses(
  { linux, snapshotOf, range, physical, limit }: ProcessSearch,
  context: Pick<CliContext, 'complain'>,
): Promise<FoundAliases> {
  // The first thread of a process may have ended, and have no address space any more, while others run on in it.
  const { tasks, problem } = await linux.threadList();
  const places = placesOf(tasks, range, await linux.kernelFirst());
  const incomplete = [...(problem === null ? [] : [problem]), ...describeRootless(tasks)];
  if (places.length === 0) incomplete.push('no process has an address space, so there is nothing to look in');
  const aliases: FoundAlias[] = [];
  const assumed: Assumption[] = [];
  const romNames = new Set<string>();
  const stopped: string[] = [];
  let rootReadable = true;
  for (const { task, cr3, part } of places) {
    const snapshot = await snapshotOf(cr3, part);
    assumed.push(...snapshot.assumed);
    for (const name of snapshot.tablesInRom) romNames.add(name);
    rootReadable &&= snapshot.isRootReadable;
    const searched = searchSnapshot(snapshot, { physical, range: part, limit: limit - aliases.length });
    if (searched.aliases.length > 0) {
      const areas = await linux.areaMap(task);
      complainOnce(linux, describeAreaProblems(areas, task), context);
      const owner = task === null ? null : reportedOwner({ kind: 'process', task, half: null });
      for (const alias of searched.aliases) {
        const names = { areas: areas.map.over(alias.first, alias.last), owner };
        aliases.push({ alias, names, mode: snapshot.context.mode });
      }
    }
    if (aliases.length >= limit) {
      stopped.push(`stopped after ${limit} places: look in a part with --range`);
      break;
    }
    if (searched.incomplete !== null) incomplete.push(`${describePlace(task)}: ${searched.incomplete}`);
  }
  return {
    aliases,
    range,
    physical,
    incomplete: [...shortened(incomplete), ...stopped],
    rootReadable,
    assumed: onceEach(assumed),
    tablesInRom: [...romNames],
    isNested: false,
  };
}

/** Processes that share their memory are one place. */
function placesOf(
  tasks: readonly LinuxTask[],
  { first = 0n, last = LAST }: Partial<AddressRange>,
  kernelFirst: bigint | null,
): readonly Place[] {
  const places: Place[] = [];
  const seen = new Set<bigint>();
  for (const task of tasks) {
    // User mode's own root leaves its rights as that mode has them.
    const cr3 = task.userCr3 ?? task.cr3;
    if (cr3 === null || task.cr3 === null || seen.has(cr3)) continue;
    if (kernelFirst === null) {
      // Where the kernel begins is not told: each process is looked through as a whole.
      places.push({ task, cr3: task.cr3, part: { first, last } });
    } else {
      if (seen.size === 0 && last >= kernelFirst) {
        const part = { first: first < kernelFirst ? kernelFirst : first, last };
        places.push({ task: null, cr3: task.cr3, part });
      }
      if (first < kernelFirst) {
        places.push({ task, cr3, part: { first, last: last < kernelFirst ? last : kernelFirst - 1n } });
      }
    }
    seen.add(cr3);
  }
  return places;
}

/** Those that have memory of their own, and tables that the kernel has mapped nowhere; threads that share it once. */
function describeRootless(tasks: readonly LinuxTask[]): readonly string[] {
  const rootless = new Map<bigint, LinuxTask>();
  for (const task of tasks) {
    if (task.mm !== null && task.cr3 === null && !rootless.has(task.mm)) rootless.set(task.mm, task);
  }
  return [...rootless.values()].map((task) => `${describePlace(task)} has a page-table root that is mapped nowhere`);
}

function describePlace(task: LinuxTask | null): string {
  return task === null ? "the kernel's half" : `process ${task.pid} ${task.comm}`;
}

function shortened(sentences: readonly string[]): readonly string[] {
  const more = sentences.length - MOST_NAMED;
  return more <= 0 ? sentences : [...sentences.slice(0, MOST_NAMED), `and ${more} more like these`];
}

function onceEach(assumed: readonly Assumption[]): readonly Assumption[] {
  return [...new Map(assumed.map((each) => [each.name, each])).values()];
}
