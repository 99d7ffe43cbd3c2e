/** One option of a command: what it takes, and what its help says. @internal */
export interface OptionRow {
  /** Name of the value in the help (`ENDPOINT`); absent for an option that is just there or not. */
  readonly value?: string;
  /** In one line or more. */
  readonly help: string;
  /** May be given more than once, and every time counts. */
  readonly repeats?: true;
  /** The values that are known beforehand, for shells to complete. */
  readonly words?: readonly string[];
}

/** The options of a command by their long names, without dashes. @internal */
export type OptionTable = Readonly<Record<string, OptionRow>>;
