import type { OptionTable } from './option-row.ts';

/** What a command gets from the process that it runs in. @internal */
export interface CliContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** To standard output. Who prints much waits for what is returned: the reader may be behind. */
  readonly print: (text: string) => void | Promise<void>;
  /** Fires when the reader of standard output is gone. */
  readonly unread?: AbortSignal;
  /** Shows a line on the terminal, instead of the last such line; an empty text takes it away. Absent without a terminal. */
  readonly showStatus?: (text: string) => void;
  /** Standard input; absent where there is none. */
  readonly input?: AsyncIterable<Uint8Array>;
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
