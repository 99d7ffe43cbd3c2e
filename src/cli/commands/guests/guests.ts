import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext, Command } from '../../options/command.ts';
import { GUEST_OPTIONS } from '../../options/option-table.ts';
import { parseOptions, refusePositionals } from '../../options/parse-options.ts';

const NAME = 'guests';
const NONE = 1;

const OPTIONS = { json: GUEST_OPTIONS.json } as const;

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const options = parseOptions(words, OPTIONS, NAME);
  refusePositionals(options, NAME);
  const json = options.flags.has('json');
  const { findGuests } = await import('../../../guest/internal.ts');
  const { encodeGuest, formatGuests } = await import('../../../report/index.ts');
  const { guests, isIncomplete } = findGuests();
  await context.print(
    json ? guests.map((guest) => `${encodeGuest(guest)}\n`).join('') : formatGuests(guests, chooseStyle(context)),
  );
  if (isIncomplete)
    context.complain('pagewalk: this host has more processes than could be looked at; the list is incomplete');
  if (guests.length > 0) return 0;
  if (!json) context.complain('pagewalk: no QEMU runs on this host, as far as this user may see');
  return NONE;
}

/** @internal */
export const guestsCommand: Command = {
  name: NAME,
  synopsis: '[--json]',
  description:
    'Lists the QEMUs of this host: process id, name, user, accelerator, machine, the libvirt or container that it is in; its\n' +
    'monitors (qmp, hmp) and GDB stubs, with who holds each; and what reaches it. Nothing is connected, and no guest notices.\n' +
    "Name, machine and addresses are what a process says of itself. Other users' processes show less, unless root asks.\n" +
    'With --json a line for each. The exit status is 1 if there is none.',
  options: OPTIONS,
  run,
};
