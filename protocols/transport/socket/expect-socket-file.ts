import { lstatSync } from 'node:fs';
import type { Endpoint } from '../endpoint.ts';
import { describeConnectFailure } from './connect-failure.ts';

/**
 * Sees whether there is a file where an endpoint has its socket, for what has to wait before it can connect. Nothing is connected:
 * QEMU serves one client at a time.
 *
 * @throws ConnectError `ERR_TRANSPORT_NOT_FOUND` or `ERR_TRANSPORT_ACCESS`, as connecting would.
 * @internal
 */
export function expectSocketFile(endpoint: Endpoint): void {
  if (endpoint.kind !== 'unix') return;
  try {
    lstatSync(endpoint.path);
  } catch (error) {
    throw describeConnectFailure(error as Error, endpoint);
  }
}
