import { runCli } from '../../../src/cli/run-cli.ts';
import type { PagewalkExit } from './run-pagewalk.ts';

/** Runs a command line in this process, which takes a fraction of what a process of its own takes to start. */
export async function runCommand(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<PagewalkExit> {
  const said = { stdout: '', stderr: '' };
  const status = await runCli(words, {
    environment,
    isTerminal: false,
    print: (text) => {
      said.stdout += text;
    },
    complain: (line) => {
      said.stderr += `${line}\n`;
    },
    signal: new AbortController().signal,
  });
  return { status, ...said };
}
