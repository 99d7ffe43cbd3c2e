import { UsageError } from '../errors.ts';
import type { CommandEntry } from '../options/command.ts';
import { didYouMean } from '../options/did-you-mean.ts';
import { completeBash } from './complete-bash.ts';
import { completeFish } from './complete-fish.ts';
import { completeZsh } from './complete-zsh.ts';
import { type CompletedCommand, describeCommands } from './describe-commands.ts';
import { SHELLS } from './shells.ts';

const WRITERS: Readonly<Record<(typeof SHELLS)[number], (commands: readonly CompletedCommand[]) => string>> = {
  bash: completeBash,
  zsh: completeZsh,
  fish: completeFish,
};

/**
 * What `pagewalk completion SHELL` prints.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE` without a shell, or for another one.
 * @internal
 */
export async function formatCompletion(words: readonly string[], commands: readonly CommandEntry[]): Promise<string> {
  const [shell, stray] = words;
  const known = SHELLS.find((name) => name === shell);
  if (shell === undefined) throw new UsageError(`completion needs the name of a shell: ${SHELLS.join(', ')}`);
  if (known === undefined) {
    const hint = didYouMean(shell, SHELLS) || `; use ${SHELLS.join(', ')}`;
    throw new UsageError(`unknown shell ${JSON.stringify(shell)}${hint}`);
  }
  if (stray !== undefined) throw new UsageError(`completion takes one shell (got ${JSON.stringify(stray)} too)`);
  return WRITERS[known](await describeCommands(commands));
}
