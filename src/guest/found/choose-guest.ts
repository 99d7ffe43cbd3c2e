import { formatPrintable } from '../../../protocols/transport/internal.ts';
import { GuestUsageError } from '../errors.ts';
import { findGuests } from './find-guests.ts';
import type { FoundGuest } from './found-guest.ts';

/**
 * The guest of this host that a person means.
 *
 * @param wanted - a process id, a name, or the name of a libvirt domain
 * @throws GuestUsageError `ERR_GUEST_USAGE` where there is none, or more than one, or no way to reach it is known.
 * @internal
 */
export function chooseGuest(wanted: string): FoundGuest & { readonly reach: NonNullable<FoundGuest['reach']> } {
  const { guests } = findGuests();
  // A number is a process id, unless only a name is like it.
  const byPid = guests.filter(({ pid }) => String(pid) === wanted);
  const found = byPid.length > 0 ? byPid : guests.filter(({ name }) => name === wanted);
  const [guest, another] = found;
  if (guest === undefined) {
    const names = guests.map(({ pid, name }) => (name === null ? String(pid) : `${formatPrintable(name)} (${pid})`));
    throw new GuestUsageError(
      `no QEMU of this host that this user may see is ${formatPrintable(wanted)}; there ${names.length === 0 ? 'is none' : `are ${names.join(', ')}`}`,
    );
  }
  if (another !== undefined) {
    const list = found.map(({ pid, user, uid }) => `${pid} (of ${user ?? uid})`).join(', ');
    throw new GuestUsageError(`several QEMUs call themselves ${formatPrintable(wanted)}: take the process id: ${list}`);
  }
  const { reach } = guest;
  if (reach === null) throw new GuestUsageError(unreachable(guest));
  return { ...guest, reach };
}

function unreachable({ pid, channels }: FoundGuest): string {
  const held = channels.find(({ purpose, state }) => purpose === 'qmp' && state === 'held');
  if (held === undefined) {
    return `QEMU ${pid} has no monitor that is reached from here: start it with -qmp unix:PATH,server=on,wait=off, or name an endpoint with --qmp`;
  }
  const holder = held.holder === null ? 'another client' : `${held.holder.program ?? 'process'} (${held.holder.pid})`;
  return `the monitor of QEMU ${pid} (${formatPrintable(held.address)}) is held by ${holder}, and it takes one client at a time: disconnect that one, or give QEMU a second -qmp socket`;
}
