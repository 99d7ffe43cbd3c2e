/** One option of a command: what it takes, and what its help says. @internal */
export interface OptionRow {
  /** Name of the value in the help (`ENDPOINT`); absent for an option that is just there or not. */
  readonly value?: string;
  /** In one line or more. */
  readonly help: string;
  /** May be given more than once, and every time counts. */
  readonly repeats?: true;
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
  strict: { help: 'exit status 4 where the answer depends on something that was assumed' },
  trace: { value: 'FILE', help: 'write everything that travels over the wire to a file' },
  timeout: { value: 'MS', help: 'for connecting, and for each request; 5000 when not given' },
  'max-pause': {
    value: 'MS',
    help: 'resume the guest after so long, whatever a question is doing; 5000 when not given',
  },
} as const satisfies OptionTable;

/** Options that say whose address space is looked at, and how. @internal */
export const SCOPE_OPTIONS = {
  cr3: { value: 'VALUE', help: "walk this address space instead of the vCPU's own" },
  set: {
    value: 'NAME=VALUE',
    repeats: true,
    help: 'what if: CR4.SMAP=0, PKRU=0x4, … ; again for more. The guest is not changed',
  },
  profile: { value: 'NAME', help: 'what this machine would do: intel, amd, kvm, tcg or tcg-7.2.5' },
  nested: {
    value: 'STAGE',
    help:
      'second stage of a nested guest (L2), detected automatically for SVM: npt:ROOT[,MODE][,FLAG…],\n' +
      'ept:EPTP or none. MODE: 32-bit, pae, 4-level, 5-level. FLAG: smep, no-smep, no-nxe, gmet, sss',
  },
  live: { help: 'do not pause the guest: its registers and tables are read while it runs' },
  'no-host-memory': { help: 'read memory through the GDB stub alone, even where this host has it' },
} as const satisfies OptionTable;
