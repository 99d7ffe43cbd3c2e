import type { ConnectedSocket } from '../../../protocols/transport/index.ts';
import { findHolder } from './find-holder.ts';
import { findSoleHolder } from './find-sole-holder.ts';
import { type Peer, unknownPeer } from './peer.ts';
import { isStill } from './process-identity.ts';
import { findTcpSocket } from './socket-tables.ts';

/**
 * Finds the QEMU behind a TCP connection within this host: the kernel shows both of its ends, and who made each.
 *
 * @internal
 */
export function findTcpPeer({ local, remote }: Extract<ConnectedSocket, { kind: 'tcp' }>, endpoint: string): Peer {
  const socket = findTcpSocket(remote, local);
  if (socket === undefined) return unknownPeer({ code: 'not-on-this-host', endpoint });
  const identity = findSoleHolder(socket.inode, endpoint, () => findHolder(endpoint, [socket.inode]));
  if ('code' in identity) return unknownPeer(identity);
  const { pid, uid } = identity;
  // A socket belongs to who made it, also after it was handed over to another process.
  if (uid !== socket.uid) return unknownPeer({ code: 'foreign-connection', endpoint, pid });
  if (!identity.isOpenToItsUser) return unknownPeer({ code: 'closed-to-its-user', pid });
  if (!isStill(identity)) return unknownPeer({ code: 'process-changed', pid });
  return { kind: 'process', pid, uid, identity };
}
