import { runCli } from '../../src/cli/index.ts';

/** What a command line of `pagewalk` printed, and its exit status. */
export interface CommandResult {
  readonly output: string;
  readonly exitStatus: number;
}

/** Runs a command line in this process, as a user at a terminal without colours would. */
export async function runWords(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  let output = '';
  const exitStatus = await runCli(words, {
    environment,
    isTerminal: false,
    print: (text) => {
      output += text;
    },
    complain: (line) => {
      output += `${line}\n`;
    },
    signal: new AbortController().signal,
  });
  return { output, exitStatus };
}
