import type { CliContext } from '../../../src/cli/options/command.ts';

/** Where a command runs that nothing reads and nothing interrupts, but for what a test wants to know. */
export function quietContext(parts: Partial<CliContext> = {}): CliContext {
  return {
    environment: {},
    isTerminal: false,
    print: () => {},
    complain: () => {},
    signal: new AbortController().signal,
    ...parts,
  };
}
