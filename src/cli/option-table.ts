/** One option of a command: what it takes, and what its help says. @internal */
export interface OptionRow {
  /** Name of the value in the help (`ENDPOINT`); absent for an option that is just there or not. */
  readonly value?: string;
  readonly help: string;
}

/** The options of a command by their long names, without dashes. @internal */
export type OptionTable = Readonly<Record<string, OptionRow>>;

/** Options that reach a guest: every command that looks at one has them. @internal */
export const GUEST_OPTIONS = {
  qmp: {
    value: 'ENDPOINT',
    help: 'QMP socket of the guest: unix:PATH, tcp:HOST:PORT, exec:COMMAND (or $PAGEWALK_QMP)',
  },
  gdb: {
    value: 'ENDPOINT',
    help: 'GDB stub of the guest (or $PAGEWALK_GDB); not needed with QMP, which finds or starts one',
  },
  cpu: { value: 'N', help: 'vCPU whose registers count; 0 when not given' },
  json: { help: 'one JSON object a line instead of text' },
  trace: { value: 'FILE', help: 'write everything that travels over the wire to a file' },
  timeout: { value: 'MS', help: 'for connecting, and for each request; 5000 when not given' },
} as const satisfies OptionTable;
