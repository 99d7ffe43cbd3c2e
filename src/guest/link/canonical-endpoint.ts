import { resolve } from 'node:path';
import { formatEndpoint, libvirtUriOf, parseEndpoint } from '../../../protocols/transport/internal.ts';

/** An endpoint as text that means the same in every working directory. @internal */
export function canonicalEndpoint(text: string): string {
  const endpoint = parseEndpoint(text);
  switch (endpoint.kind) {
    case 'unix':
      return formatEndpoint({ ...endpoint, path: resolve(endpoint.path) });
    case 'libvirt':
      return formatEndpoint({ ...endpoint, uri: libvirtUriOf(endpoint) });
    case 'tls': {
      const files = (['dir', 'ca', 'cert', 'key', 'psk'] as const).flatMap((name) =>
        endpoint[name] === undefined ? [] : [[name, resolve(endpoint[name])] as const],
      );
      return formatEndpoint({ ...endpoint, ...Object.fromEntries(files) });
    }
    default:
      return formatEndpoint(endpoint);
  }
}
