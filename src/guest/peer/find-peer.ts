import type { Connection, HandedStream } from '../../../protocols/transport/internal.ts';
import { findHandedPeer } from './find-handed-peer.ts';
import { findTcpPeer } from './find-tcp-peer.ts';
import { findUnixPeer } from './find-unix-peer.ts';
import { type Peer, unknownPeer } from './peer.ts';

/**
 * Finds out which process is behind a connection to QEMU, from the kernel's tables alone. To be asked while the guest runs: it
 * takes some milliseconds on a host with many processes.
 *
 * What a peer says of itself (thread ids, paths, addresses) counts for nothing: the socket's owner may be another user
 * than we are, and we may be root. What follows from the answer is that the peer can only hand us what is its own.
 *
 * @internal
 */
export function findPeer({ socket, endpoint }: Pick<Connection, 'socket' | 'endpoint'>): Peer {
  if (process.platform !== 'linux') return unknownPeer({ code: 'not-linux' });
  if (socket === undefined) return unknownPeer({ code: 'behind-command', endpoint });
  try {
    if (socket.kind === 'handed') return findHandedPeer(socket.inode, endpoint);
    return socket.kind === 'unix' ? findUnixPeer(socket.file, endpoint) : findTcpPeer(socket, endpoint);
  } catch (error) {
    const { message } = error as Error;
    return unknownPeer({ code: 'proc-unreadable', endpoint, message });
  }
}

/** Who holds the other end of a connection that was handed over, be it on another host. @internal */
export async function findHolderOf({ connection, findHolder }: HandedStream): Promise<Peer> {
  if (findHolder === undefined) return findPeer(connection);
  try {
    return { kind: 'remote', process: await findHolder() };
  } catch (error) {
    const { endpoint } = connection;
    return unknownPeer({ code: 'unseen-there', endpoint, message: (error as Error).message });
  }
}
