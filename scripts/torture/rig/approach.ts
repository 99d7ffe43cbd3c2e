import type { ProxyPlace } from './proxy-place.ts';
import type { TortureGuest, TortureGuestOptions } from './torture-guest.ts';

/** How clients come to a monitor, other than by its unix socket. */
export interface Approach {
  /** The suite that it belongs to. */
  readonly suite: string;
  readonly binary?: string;
  /** Of QEMU's command line. */
  readonly extraArgs: readonly string[];
  /** With nothing between. */
  endpointOf(guest: TortureGuest): Promise<string>;
  placeBefore(guest: TortureGuest): Promise<ProxyPlace>;
}

/** What a guest has to be started with to be approached so. */
export function guestOptionsOf(approach: Approach | undefined): TortureGuestOptions {
  if (approach === undefined) return {};
  const { binary, extraArgs } = approach;
  return { extraArgs, ...(binary === undefined ? {} : { binary }) };
}
