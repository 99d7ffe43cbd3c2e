import { resolve } from 'node:path';
import { formatEndpoint, parseEndpoint } from '../../../protocols/transport/index.ts';

/** An endpoint as text that means the same in every working directory. @internal */
export function canonicalEndpoint(text: string): string {
  const endpoint = parseEndpoint(text);
  if (endpoint.kind !== 'unix') return formatEndpoint(endpoint);
  return formatEndpoint({ ...endpoint, path: resolve(endpoint.path) });
}
