import type { ConnectedSocket } from '../../../protocols/transport/index.ts';
import { describeHolder } from './describe-holder.ts';
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
  if (socket === undefined) return unknownPeer(`the other end of ${endpoint} is not on this host, or in a container`);
  const scan = new ProcessScan(BUDGET_MS);
  const holders = scan.qemus.flatMap((pid) => {
    const identity = readIdentity(pid);
    return identity !== undefined && scan.sockets(pid).has(socket.inode) ? [identity] : [];
  });
  const [identity, another] = holders;
  if (identity === undefined) {
    if (scan.ranOut) return unknownPeer('this host has too many processes and sockets to look through');
    return unknownPeer(describeHolder(endpoint, [socket.inode]));
  }
  const { pid, uid } = identity;
  if (another !== undefined) {
    const pids = holders.map((holder) => holder.pid).join(', ');
    return unknownPeer(`several processes hold the socket behind ${endpoint} (${pids})`);
  }
  // A socket belongs to who made it, also after it was handed over to another process.
  if (uid !== socket.uid) {
    return unknownPeer(`the connection of ${endpoint} that process ${pid} holds was made by another user`);
  }
  if (!identity.isOpenToItsUser) {
    return unknownPeer(`the user of process ${pid} may not look into it (it runs a program with rights of its own)`);
  }
  if (!isStill(identity)) return unknownPeer(`process ${pid} changed while it was looked at`);
  return { kind: 'process', pid, uid, identity };
}
