import { COMMANDS } from './commands.ts';
import { formatCompletion } from './completion/format-completion.ts';
import { describeFailure, exitStatusOf } from './describe-failure.ts';
import { UsageError } from './errors.ts';
import { formatCommandHelp, formatOverview } from './help.ts';
import type { CliContext, CommandEntry } from './options/command.ts';
import { didYouMean } from './options/did-you-mean.ts';
import { packageVersion } from './version.ts';
import { wantsStackTraces } from './wants-stack-traces.ts';

/**
 * Runs a command line to its end.
 *
 * @param words - after the program's name
 * @returns the exit status
 * @internal
 */
export async function runCli(words: readonly string[], context: CliContext): Promise<number> {
  try {
    return await dispatch(words, context);
  } catch (error) {
    for (const line of await describeFailure(error, wantsStackTraces(context.environment))) context.complain(line);
    if (error instanceof UsageError) context.complain(`Try: pagewalk help${error.command ? ` ${error.command}` : ''}`);
    return exitStatusOf(error);
  }
}

async function dispatch(words: readonly string[], context: CliContext): Promise<number> {
  const [first, ...rest] = words;
  switch (first) {
    case undefined:
      throw new UsageError('no command was given');
    case '--version':
      await context.print(`${packageVersion()}\n`);
      return 0;
    case 'help':
    case '--help':
    case '-h':
      await context.print(await formatHelp(rest, context));
      return 0;
    case 'completion':
      await context.print(await formatCompletion(rest, COMMANDS));
      return 0;
  }
  const command = requireCommand(first);
  if (asksForHelp(rest)) {
    await context.print(formatCommandHelp(await command.load(), context.isTerminal));
    return 0;
  }
  return (await command.load()).run(rest, context);
}

async function formatHelp([name]: readonly string[], { isTerminal }: CliContext): Promise<string> {
  return name === undefined
    ? formatOverview(COMMANDS)
    : formatCommandHelp(await requireCommand(name).load(), isTerminal);
}

function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  const options = end < 0 ? words : words.slice(0, end);
  return options.includes('--help') || options.includes('-h');
}

function requireCommand(name: string): CommandEntry {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const names = COMMANDS.map((candidate) => candidate.name);
  const hint = /^(0x|\d)/i.test(name)
    ? `; to translate an address: pagewalk translate ${name}`
    : didYouMean(name, names) || `; a command comes first: ${names.join(', ')}`;
  throw new UsageError(`${name.startsWith('-') ? 'unknown option' : 'unknown command'} ${JSON.stringify(name)}${hint}`);
}
