import type { CliContext, Command } from '../../options/command.ts';
import { type GuestOptions, parseGuestOptions } from '../../options/guest-options.ts';
import { GUEST_OPTIONS } from '../../options/option-table.ts';
import { parseOptions, refusePositionals } from '../../options/parse-options.ts';
import { QEMU_OPTIONS } from '../../options/sources/qemu-source.ts';
import { withOpened } from '../../session/with-guest.ts';

const NAME = 'restore';

const OPTIONS = {
  ...QEMU_OPTIONS,
  trace: GUEST_OPTIONS.trace,
  timeout: GUEST_OPTIONS.timeout,
} as const;

/**
 * @throws UsageError `ERR_CLI_USAGE`.
 * @internal
 */
export function parseRestore(words: readonly string[], environment: CliContext['environment']): GuestOptions {
  const options = parseOptions(words, OPTIONS, NAME);
  refusePositionals(options, NAME);
  return parseGuestOptions(options, environment, NAME);
}

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const options = parseRestore(words, context.environment);
  const { describeRecovery } = await import('../../../report/internal.ts');
  // Attaching is what puts things back; here it is the answer, and not a note beside one.
  // Inherited, as a copy would open the standard input.
  const quiet: CliContext = Object.create(context, { complain: { value: () => {} } });
  const recoveries = await withOpened(
    options,
    { hostMemory: false, live: false },
    quiet,
    async ({ running }) => running?.recoveries ?? [],
  );
  const lines = recoveries.map(describeRecovery);
  await context.print(`${lines.length === 0 ? 'nothing to put back' : lines.join('\n')}\n`);
  const isDone = recoveries.every(
    ({ resumption, physicalModeOff, stubRemoved }) =>
      resumption !== 'failed' && physicalModeOff !== false && stubRemoved !== false,
  );
  return isDone ? 0 : 3;
}

/** @internal */
export const restoreCommand: Command = {
  name: NAME,
  synopsis: '--qmp ENDPOINT [OPTION...]',
  description:
    'Puts back what a run that was killed together with its watchdog has left in the guest: a pause, the physical mode of the\n' +
    'GDB stub, a stub of its own. A guest that has run since, and that another client has paused, stays paused. Every other\n' +
    'command does the same first. The exit status is 0 when everything is in its place, and 3 when something is not.',
  options: OPTIONS,
  run,
};
