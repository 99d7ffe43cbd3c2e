import type { ConnectedSocket } from '../../../protocols/transport/index.ts';
import { findHolder } from './find-holder.ts';
import { type Peer, unknownPeer } from './peer.ts';
import { isStill, readIdentity } from './process-identity.ts';
import { ProcessScan } from './processes.ts';
import { findTcpSocket } from './socket-tables.ts';

/** How long the search may take. */
const BUDGET_MS = 1000;

/**
 * Finds the QEMU behind a TCP connection within this host: the kernel shows both of its ends, and who made each.
 *
 * @internal
 */
export function findTcpPeer({ local, remote }: Extract<ConnectedSocket, { kind: 'tcp' }>, endpoint: string): Peer {
  const socket = findTcpSocket(remote, local);
  if (socket === undefined) return unknownPeer({ code: 'not-on-this-host', endpoint });
  const scan = new ProcessScan(BUDGET_MS);
  const holders = scan.qemus.flatMap((pid) => {
    const identity = readIdentity(pid);
    return identity !== undefined && scan.sockets(pid).has(socket.inode) ? [identity] : [];
  });
  const [identity, another] = holders;
  if (identity === undefined) {
    if (scan.ranOut) return unknownPeer({ code: 'too-many-processes' });
    return unknownPeer(findHolder(endpoint, [socket.inode]));
  }
  const { pid, uid } = identity;
  if (another !== undefined) {
    return unknownPeer({ code: 'several-holders', endpoint, pids: holders.map((holder) => holder.pid) });
  }
  // A socket belongs to who made it, also after it was handed over to another process.
  if (uid !== socket.uid) return unknownPeer({ code: 'foreign-connection', endpoint, pid });
  if (!identity.isOpenToItsUser) return unknownPeer({ code: 'closed-to-its-user', pid });
  if (!isStill(identity)) return unknownPeer({ code: 'process-changed', pid });
  return { kind: 'process', pid, uid, identity };
}
