import { resolve } from 'node:path';
import { type Endpoint, formatEndpoint, libvirtUriOf, parseEndpoint } from '../../../protocols/transport/internal.ts';

/** An endpoint as text that means the same in every working directory. @internal */
export function canonicalEndpoint(text: string): string {
  return canonical(parseEndpoint(text));
}

function canonical(endpoint: Endpoint): string {
  switch (endpoint.kind) {
    case 'unix':
      return formatEndpoint({ ...endpoint, path: resolve(endpoint.path) });
    case 'libvirt':
      return formatEndpoint({ ...endpoint, uri: libvirtUriOf(endpoint) });
    case 'tls':
      return formatEndpoint(withPaths(endpoint));
    case 'host': {
      const { target } = endpoint;
      // All else in it is of another host, where a relative path is the helper's own business.
      return formatEndpoint(target.kind === 'tls' ? { ...endpoint, target: withPaths(target) } : endpoint);
    }
    default:
      return formatEndpoint(endpoint);
  }
}

function withPaths(endpoint: Extract<Endpoint, { kind: 'tls' }>): Extract<Endpoint, { kind: 'tls' }> {
  const files = (['dir', 'ca', 'cert', 'key', 'psk'] as const).flatMap((name) =>
    endpoint[name] === undefined ? [] : [[name, resolve(endpoint[name])] as const],
  );
  return { ...endpoint, ...Object.fromEntries(files) };
}
