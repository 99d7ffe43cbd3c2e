import { formatEndpoint, formatPrintable, parseEndpoint } from '../../../protocols/transport/internal.ts';
import { GuestUsageError } from '../errors.ts';
import { findGuests } from './find-guests.ts';
import type { FoundChannel, FoundDomain, FoundGuest } from './found-guest.ts';

/**
 * Who holds a monitor that does not greet, and what reaches the guest all the same.
 *
 * @param cause - what became of the attempt
 * @returns undefined where no monitor of a QEMU of this host is seen to be held there
 * @internal
 */
export function nameHolder(endpoint: string, cause: Error): GuestUsageError | undefined {
  const wanted = formatEndpoint(parseEndpoint(endpoint));
  for (const guest of findGuests().guests) {
    const channel = heldMonitorOf(guest, (each) => each.endpoint === wanted);
    if (channel !== undefined) return new GuestUsageError(describeHeldMonitor(endpoint, channel, guest), { cause });
  }
  return undefined;
}

/** @internal */
export function heldMonitorOf(
  { channels }: Pick<FoundGuest, 'channels'>,
  accept: (channel: FoundChannel) => boolean = () => true,
): FoundChannel | undefined {
  return channels.find((each) => each.purpose === 'qmp' && each.state === 'held' && accept(each));
}

/** @internal */
export function describeHeldMonitor(
  endpoint: string,
  { holder }: Pick<FoundChannel, 'holder'>,
  { pid, reach, libvirt }: Pick<FoundGuest, 'pid' | 'reach' | 'libvirt'>,
): string {
  const who = holder === null ? 'another client' : `${holder.program ?? 'process'} (${holder.pid})`;
  const free = libvirt === null ? 'end that client, or give QEMU a second -qmp socket' : byLibvirt(libvirt);
  const other =
    reach === null ? free : `reach the guest with ${'qmp' in reach ? `--qmp ${reach.qmp}` : `--gdb ${reach.gdb}`}`;
  return `the monitor of QEMU ${pid} at ${formatPrintable(endpoint)} is held by ${who}, and serves one client at a time; ${other}`;
}

/** How a domain of another host's libvirt is reached: that host's name is not known here. @internal */
export function byLibvirt({ uri, domain }: FoundDomain): string {
  return `reach it through its libvirt, with that host's name: --qmp libvirt:${uri.replace(':///', '+ssh://HOST/')}/${formatPrintable(domain)}`;
}
