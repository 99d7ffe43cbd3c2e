import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext, Command } from '../../options/command.ts';
import { LINUX_OPTIONS, type LinuxOptions, parseLinuxOptions } from '../../options/linux-options.ts';
import { parseOptions, refusePositionals } from '../../options/parse-options.ts';
import { askLinux } from '../../session/ask-linux.ts';

const NAME = 'ps';
/** The list is not whole. */
const INCOMPLETE = 1;

const OPTIONS = {
  threads: { help: 'list all threads: those of a process have its TGID, its CR3 and its memory' },
  ...LINUX_OPTIONS,
} as const;

/** What a `ps` command line asks for. @internal */
export interface PsCommandLine extends LinuxOptions {
  readonly threads: boolean;
}

/**
 * @throws UsageError `ERR_CLI_USAGE`.
 * @internal
 */
export function parsePs(words: readonly string[], environment: CliContext['environment']): PsCommandLine {
  const options = parseOptions(words, OPTIONS, NAME);
  refusePositionals(options, NAME);
  return { ...parseLinuxOptions(options, environment, NAME), threads: options.flags.has('threads') };
}

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line = parsePs(words, context.environment);
  const { tasks, problem } = await askLinux(line, context, ({ linux }) =>
    line.threads ? linux.threadList() : linux.taskList(),
  );
  const { encodeTask, formatTasks } = await import('../../../report/index.ts');
  await context.print(
    line.json ? tasks.map((task) => `${encodeTask(task)}\n`).join('') : formatTasks(tasks, chooseStyle(context)),
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
