import { connect } from './connect.ts';
import type { Connection } from './connection.ts';
import { parseEndpoint } from './endpoint.ts';
import { openSameSocket, type SocketIdentity } from './files/bound-socket.ts';

/**
 * Connects to a socket that is known, and to nothing else that lies at its path by now.
 *
 * @param file - which file it was, where that is known
 * @throws ConnectError
 * @internal
 */
export function connectSame(
  endpoint: string,
  file: SocketIdentity | undefined,
  timeoutMs: number,
): Promise<Connection> {
  const target = parseEndpoint(endpoint);
  if (target.kind !== 'unix' || file === undefined) return connect(endpoint, { timeoutMs });
  return connect(endpoint, { timeoutMs, openSocket: () => openSameSocket(target.path, file) });
}
