import { UsageError } from '../../errors.ts';
import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext, Command } from '../../options/command.ts';
import { type GuestOptions, parseGuestOptions } from '../../options/guest-options.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from '../../options/option-table.ts';
import { parseOptions } from '../../options/parse-options.ts';
import { symbolsOption } from '../../options/scope-options.ts';
import { SOURCE_OPTIONS } from '../../options/sources/sources.ts';
import { lookAtLinux } from '../../session/names/look-at-linux.ts';
import { withView } from '../../session/with-guest.ts';

const NAME = 'ps';
/** The list is not whole. */
const INCOMPLETE = 1;

const OPTIONS = {
  ...SOURCE_OPTIONS,
  cpu: GUEST_OPTIONS.cpu,
  live: SCOPE_OPTIONS.live,
  symbols: SCOPE_OPTIONS.symbols,
  json: GUEST_OPTIONS.json,
  'no-host-memory': SCOPE_OPTIONS['no-host-memory'],
  trace: GUEST_OPTIONS.trace,
  timeout: GUEST_OPTIONS.timeout,
  'max-pause': GUEST_OPTIONS['max-pause'],
} as const;

/** What a `ps` command line asks for. @internal */
export interface PsCommandLine {
  readonly guest: GuestOptions;
  readonly live: boolean;
  readonly hostMemory: boolean;
  readonly symbolsFile?: string;
  readonly json: boolean;
}

/**
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parsePs(words: readonly string[], environment: CliContext['environment']): PsCommandLine {
  const options = parseOptions(words, OPTIONS, NAME);
  const [stray] = options.positionals;
  if (stray !== undefined) throw new UsageError(`${NAME} takes no argument (got ${JSON.stringify(stray)})`, NAME);
  const guest = parseGuestOptions(options, environment, NAME);
  const live = options.flags.has('live');
  if (live && guest.source.whyNotLive !== null) throw new UsageError(guest.source.whyNotLive, NAME);
  return {
    guest,
    live,
    hostMemory: !options.flags.has('no-host-memory'),
    json: options.flags.has('json'),
    ...symbolsOption(options.values),
  };
}

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line = parsePs(words, context.environment);
  const { guest, live, json } = line;
  const { tasks, problem } = await withView(guest, line, context, async (view, attached) => {
    const { linux } = await lookAtLinux(
      view,
      attached,
      { cpu: guest.cpu, live, symbolsFile: line.symbolsFile },
      context,
    );
    return linux.taskList();
  });
  const { encodeTask, formatTasks } = await import('../../../report/index.ts');
  await context.print(
    json ? tasks.map((task) => `${encodeTask(task)}\n`).join('') : formatTasks(tasks, chooseStyle(context)),
  );
  if (problem === null) return 0;
  context.complain(`pagewalk: ${problem}`);
  return INCOMPLETE;
}

/** @internal */
export const psCommand: Command = {
  name: NAME,
  synopsis: '--qmp ENDPOINT [OPTION...]',
  description:
    'Lists the processes of the Linux in a guest, from guest memory alone: pid, state as /proc has it (R running, S sleeping,\n' +
    'D uninterruptible, I idle, Z zombie, T stopped), CR3, resident memory, name. Threads of the kernel are in brackets, and\n' +
    'have no address space of their own. With page-table isolation (PTI) a process has a second root, in use while it is in\n' +
    'user mode. Takes type information of the kernel (CONFIG_DEBUG_INFO_BTF). The exit status is 1 if the list is incomplete.',
  options: OPTIONS,
  run,
};
