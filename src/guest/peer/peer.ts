import type { PeerCause } from '../causes/peer-cause.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** Who holds the other end of our connection to QEMU. @internal */
export type Peer = PeerProcess | UnknownPeer;

/** A QEMU on this host, proven by the kernel's own tables and by nothing that it said. @internal */
export interface PeerProcess {
  readonly kind: 'process';
  readonly pid: number;
  /** All four user ids of the process. */
  readonly uid: number;
  /** What must still be so whenever something of the process was opened. */
  readonly identity: ProcessIdentity;
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
