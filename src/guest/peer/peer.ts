import type { RemoteProcess } from '../../../protocols/transport/internal.ts';
import type { PeerCause } from '../causes/peer-cause.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** Who holds the other end of our connection to QEMU. @internal */
export type Peer = PeerProcess | RemotePeer | UnknownPeer;

/** A QEMU on this host, proven by the kernel's own tables and by nothing that it said. @internal */
export interface PeerProcess {
  readonly kind: 'process';
  readonly pid: number;
  /** All four user ids of the process. */
  readonly uid: number;
  /** What must still be so whenever something of the process was opened. */
  readonly identity: ProcessIdentity;
}

/** A QEMU on another host, which the helper there has seen to hold what it was handed. It is nothing to this host's kernel. @internal */
export interface RemotePeer {
  readonly kind: 'remote';
  readonly process: RemoteProcess;
}

/** Nothing of any process or file may be used then: what the peer names is no more than a claim. @internal */
export interface UnknownPeer {
  readonly kind: 'unknown';
  readonly cause: PeerCause;
}

/** @internal */
export function unknownPeer(cause: PeerCause): UnknownPeer {
  return { kind: 'unknown', cause };
}
