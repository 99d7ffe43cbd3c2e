import { formatPrintable } from '../../../protocols/transport/internal.ts';
import { GuestUsageError } from '../errors.ts';
import { type FoundGuests, findGuests } from './find-guests.ts';
import type { FoundGuest } from './found-guest.ts';
import { byLibvirt, describeHeldMonitor, heldMonitorOf } from './held-monitor.ts';

const INCOMPLETE = 'this host has more processes than could be looked at in time';

/**
 * The guest that a person means.
 *
 * @param wanted - a process id, a name, or the name of a libvirt domain
 * @param found - among which it is; those of this host unless given
 * @throws GuestUsageError `ERR_GUEST_USAGE` where there is none, or more than one, or no way to reach it is known.
 * @internal
 */
export function chooseGuest(
  wanted: string,
  { guests, isIncomplete }: FoundGuests = findGuests(),
  where = 'this host',
): FoundGuest & { readonly reach: NonNullable<FoundGuest['reach']> } {
  // A number is a process id, unless only a name is like it.
  const byPid = guests.filter(({ pid }) => String(pid) === wanted);
  const found = byPid.length > 0 ? byPid : guests.filter(({ name }) => name === wanted);
  const [guest, another] = found;
  if (guest === undefined) {
    const names = guests.map(({ pid, name }) => (name === null ? String(pid) : `${formatPrintable(name)} (${pid})`));
    const list = names.length === 0 ? 'there is none' : `there are ${names.join(', ')}`;
    throw new GuestUsageError(
      `no QEMU of ${where} that this user may see is ${formatPrintable(wanted)}; ${list}${isIncomplete ? `; and ${INCOMPLETE}` : ''}`,
    );
  }
  if (another !== undefined) {
    const list = found.map(({ pid, user, uid }) => `${pid} (of ${user ?? uid})`).join(', ');
    throw new GuestUsageError(`several QEMUs call themselves ${formatPrintable(wanted)}: take the process id: ${list}`);
  }
  if (isIncomplete && byPid.length === 0) {
    throw new GuestUsageError(
      `QEMU ${guest.pid} calls itself ${formatPrintable(wanted)}, and others may: ${INCOMPLETE}. Take the process id`,
    );
  }
  const { reach } = guest;
  if (reach === null) throw new GuestUsageError(unreachable(guest));
  return { ...guest, reach };
}

function unreachable(guest: FoundGuest): string {
  const held = heldMonitorOf(guest);
  if (held !== undefined) return describeHeldMonitor(held.address, held, guest);
  if (guest.libvirt !== null)
    return `QEMU ${guest.pid} is a domain of libvirt's on that host: ${byLibvirt(guest.libvirt)}`;
  return `QEMU ${guest.pid} has no monitor that is reached from here: start it with -qmp unix:PATH,server=on,wait=off, or name an endpoint with --qmp`;
}
