/** What a client that was killed together with its watchdog had left in a guest, and what became of it. @internal */
export interface ReportedRecovery {
  readonly client: number;
  readonly since: string;
  readonly resumption: 'not-asked' | 'resumed' | 'runs' | 'paused-since' | 'unknown' | 'other-state' | 'failed';
  readonly foundState: string;
  readonly physicalModeOff: boolean | null;
  readonly stubRemoved: boolean | null;
}

const CONT = 'the monitor command "cont" resumes it';

const RESUMPTIONS: Readonly<Record<ReportedRecovery['resumption'], (state: string) => string[]>> = {
  'not-asked': () => [],
  resumed: () => ['the guest, which it had paused, is resumed'],
  runs: () => ['the guest runs'],
  'paused-since': () => [`the guest has run since and another client has paused it, so it stays paused (${CONT})`],
  unknown: () => [`the guest is paused, and nothing shows whether it has run since, so it stays paused (${CONT})`],
  'other-state': (state) => [`the guest is in the state "${state}" by now, and is left in it`],
  failed: () => [`the guest could not be resumed (${CONT})`],
};

/** A sentence, without its end. @internal */
export function describeRecovery(recovery: ReportedRecovery): string {
  const { client, since, resumption, foundState, physicalModeOff, stubRemoved } = recovery;
  const outcomes = [
    ...RESUMPTIONS[resumption](foundState),
    ...(physicalModeOff === null
      ? []
      : [physicalModeOff ? 'the GDB stub is in virtual mode' : 'the physical mode of the GDB stub may still be on']),
    ...(stubRemoved === null
      ? []
      : [
          stubRemoved
            ? 'the GDB stub that it had started is gone'
            : 'the GDB stub that it had started could not be removed ("gdbserver none" removes it)',
        ]),
  ];
  return `process ${client}, attached since ${since}, was killed before it could leave the guest: ${outcomes.join('; ')}`;
}
