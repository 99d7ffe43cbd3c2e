import type { OptionTable } from './option-table.ts';

/** What a command gets from the process that it runs in. @internal */
export interface CliContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** To standard output. */
  readonly print: (text: string) => void;
  /** To standard error, a line. */
  readonly complain: (line: string) => void;
  /** Fires when the command is to end early; its reason is the error to end with. */
  readonly signal: AbortSignal;
}

/** A command, and what its help says. @internal */
export interface Command {
  readonly name: string;
  /** What may follow the name. */
  readonly synopsis: string;
  readonly description: string;
  readonly options: OptionTable;
  /**
   * @param words - the command line after the command's name
   * @returns the exit status
   */
  run(words: readonly string[], context: CliContext): Promise<number>;
}

/** A command before it is loaded: so much is needed to list it, and `--version` loads none. @internal */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command>;
}
