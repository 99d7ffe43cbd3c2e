import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext, Command } from '../../options/command.ts';
import { GUEST_OPTIONS } from '../../options/option-table.ts';
import { parseOptions, refusePositionals } from '../../options/parse-options.ts';
import { findGuestsOf, hostOf, timeoutOf } from '../../options/sources/qemu-source.ts';

const NAME = 'guests';
const NONE = 1;

const OPTIONS = {
  json: GUEST_OPTIONS.json,
  host: {
    value: 'COMMAND',
    help: 'the QEMUs of another host, by a helper there (ssh lab; python3 is needed there)',
  },
  timeout: GUEST_OPTIONS.timeout,
} as const;

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const options = parseOptions(words, OPTIONS, NAME);
  refusePositionals(options, NAME);
  const json = options.flags.has('json');
  const host = hostOf(options.values.get('host'), NAME);
  const timeoutMs = timeoutOf(options.values, NAME);
  const { encodeGuest, formatGuests } = await import('../../../report/index.ts');
  const { guests, isIncomplete } = await findGuestsOf(host, timeoutMs);
  await context.print(
    json ? guests.map((guest) => `${encodeGuest(guest)}\n`).join('') : formatGuests(guests, chooseStyle(context), host),
  );
  if (isIncomplete)
    context.complain('pagewalk: this host has more processes than could be looked at; the list is incomplete');
  if (guests.length > 0) return 0;
  const where = host === undefined ? 'this host, as far as this user' : 'that host, as far as its user';
  if (!json) context.complain(`pagewalk: no QEMU runs on ${where} may see`);
  return NONE;
}

/** @internal */
export const guestsCommand: Command = {
  name: NAME,
  synopsis: '[--host COMMAND] [--json]',
  description:
    'Lists the QEMUs of this host: process id, name, user, accelerator, machine, the libvirt or container that it is in; its\n' +
    'monitors (qmp, hmp) and GDB stubs, with who holds each; and what reaches it. Nothing is connected, and no guest notices.\n' +
    "Name, machine and addresses are what a process says of itself. Other users' processes show less, unless root asks.\n" +
    'With --host those of another host, and how each is reached from here; configuration files are not read there.\n' +
    'With --json a line for each. The exit status is 1 if there is none.',
  options: OPTIONS,
  run,
};
