import type { Endpoint } from '../endpoint.ts';

/** libvirt's own default would be the session of a user who is not root, which has no system domains. @internal */
export const SYSTEM_URI = 'qemu:///system';

/** The URI that an endpoint means. @internal */
export function uriOf({ uri }: Extract<Endpoint, { kind: 'libvirt' }>): string {
  return uri ?? (process.env['LIBVIRT_DEFAULT_URI'] || SYSTEM_URI);
}
