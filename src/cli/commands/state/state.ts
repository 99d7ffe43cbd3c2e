import type { GuestView, OpenGuest, VcpuState } from '../../../guest/index.ts';
import type { Linux } from '../../../linux/index.ts';
import type { ReportedState } from '../../../report/index.ts';
import type { CliContext, Command } from '../../options/command.ts';
import { type GuestOptions, parseGuestOptions } from '../../options/guest-options.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from '../../options/option-table.ts';
import { parseOptions, refusePositionals } from '../../options/parse-options.ts';
import { SOURCE_OPTIONS } from '../../options/sources/sources.ts';
import type { LookAtLinux } from '../../session/names/look-at-linux.ts';
import { strictStatus } from '../../session/strict-status.ts';
import { withView } from '../../session/with-guest.ts';

const NAME = 'state';

const OPTIONS = {
  ...SOURCE_OPTIONS,
  cpu: { value: 'N|all', help: 'vCPU whose registers count, or all of them in a list; 0 when not given' },
  names: { help: "whose CR3 it is, and which symbol its code is in, by the guest's Linux" },
  until: SCOPE_OPTIONS.until,
  within: SCOPE_OPTIONS.within,
  json: GUEST_OPTIONS.json,
  strict: GUEST_OPTIONS.strict,
  'no-host-memory': SCOPE_OPTIONS['no-host-memory'],
  trace: GUEST_OPTIONS.trace,
  timeout: GUEST_OPTIONS.timeout,
  'max-pause': GUEST_OPTIONS['max-pause'],
} as const;

/** What a `state` command line asks for. @internal */
export interface StateCommandLine {
  readonly guest: GuestOptions;
  readonly hostMemory: boolean;
  readonly json: boolean;
  /** All vCPUs in a list. */
  readonly isAll: boolean;
  /** Asks the guest's Linux for names. */
  readonly names: boolean;
}

/**
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseState(words: readonly string[], environment: CliContext['environment']): StateCommandLine {
  const options = parseOptions(words, OPTIONS, NAME);
  refusePositionals(options, NAME);
  const { values, flags } = options;
  const isAll = values.get('cpu') === 'all';
  const one = new Map([...values].filter(([name]) => !isAll || name !== 'cpu'));
  return {
    guest: parseGuestOptions({ ...options, values: one }, environment, NAME),
    hostMemory: !flags.has('no-host-memory'),
    json: flags.has('json'),
    isAll,
    names: flags.has('names'),
  };
}

async function ask(
  { guest: options, hostMemory, names }: StateCommandLine,
  context: CliContext,
): Promise<ReportedState> {
  const { cpu } = options;
  const { contextOf, nestedContextOf } = await import('../../../guest/index.ts');
  const look = async (view: GuestView) => ({
    state: await view.vcpuState(cpu),
    map: await view.memoryMap(cpu),
    memoryAccess: await view.memoryReport(cpu),
  });
  const rehearsal = async (view: GuestView): Promise<unknown> => {
    if (names) await rehearseLooking(view, context);
    return look(view);
  };
  return withView(options, { live: false, hostMemory, rehearsal }, context, async (paused, guest) => {
    const { view, linux } = names ? await lookForNames(paused, guest, cpu, context) : { view: paused, linux: null };
    const { state, map, memoryAccess } = await look(view);
    const pagingContext = contextOf(state);
    return {
      ...(await namesIn(linux, state, pagingContext.root)),
      cpu,
      cpus: guest.vcpus,
      state,
      context: pagingContext,
      nestedContext: nestedContextOf(state),
      runs: guest.running?.ranBefore,
      memory: map.regions,
      memoryAccess,
      assumed: guest.assumed,
    };
  });
}

async function lookForNames(view: GuestView, guest: OpenGuest, cpu: number, context: CliContext): Promise<LookAtLinux> {
  const { lookAtLinux } = await import('../../session/names/look-at-linux.ts');
  return lookAtLinux(view, guest, { cpu, live: false }, context);
}

async function rehearseLooking(view: GuestView, context: CliContext): Promise<void> {
  const { rehearseNames } = await import('../../session/names/rehearse-names.ts');
  await rehearseNames(view, context);
}

async function namesIn(
  linux: Linux | null,
  state: VcpuState,
  root: bigint,
): Promise<Pick<ReportedState, 'owner' | 'place'>> {
  if (linux === null) return {};
  const { namesOf } = await import('./list-vcpus.ts');
  return namesOf(state, root, linux);
}

async function list({ guest, hostMemory, json, names }: StateCommandLine, context: CliContext): Promise<number> {
  const { listVcpus } = await import('./list-vcpus.ts');
  const rehearsal = async (view: GuestView): Promise<unknown> => {
    if (names) await rehearseLooking(view, context);
    return view.vcpuState(0);
  };
  const vcpus = await withView(guest, { live: false, hostMemory, rehearsal }, context, (view, attached) =>
    listVcpus(view, attached, names, context),
  );
  const { encodeVcpu, formatVcpus } = await import('../../../report/index.ts');
  const { chooseStyle } = await import('../../io/choose-style.ts');
  await context.print(
    json ? vcpus.map((each) => `${encodeVcpu(each)}\n`).join('') : formatVcpus(vcpus, chooseStyle(context)),
  );
  const assumed = vcpus.flatMap((each) => each.assumed);
  return strictStatus(0, guest.strict, assumed, context);
}

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line = parseState(words, context.environment);
  if (line.isAll) return list(line, context);
  const reported = await ask(line, context);
  const { assumedOf, encodeState, formatState } = await import('../../../report/index.ts');
  const { chooseStyle } = await import('../../io/choose-style.ts');
  await context.print(line.json ? `${encodeState(reported)}\n` : formatState(reported, chooseStyle(context)));
  return strictStatus(0, line.guest.strict, assumedOf(reported), context);
}

/** @internal */
export const stateCommand: Command = {
  name: NAME,
  synopsis: '--qmp ENDPOINT [OPTION...]',
  description:
    'Shows the registers of one vCPU that paging depends on, with the bits that matter spelt out, what CPUID tells the guest,\n' +
    'the run state, the memory map and how memory is read; and for each value where it was read. With --cpu all a line for\n' +
    'each vCPU: its mode, CPL, RIP and CR3. With --names the process and the symbol are told, too.',
  options: OPTIONS,
  run,
};
