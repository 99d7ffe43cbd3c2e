import { type Peer, unknownPeer } from './peer.ts';
import { isStill, readIdentity } from './process-identity.ts';
import { ProcessScan } from './processes.ts';

/** How long the search may take. */
const BUDGET_MS = 1000;

/**
 * Finds the QEMU that holds the end of a connection which was handed to it. Both ends were made by this process: what has the other one
 * has it from us.
 *
 * @param inode - of that end; 0 where it is not known
 * @internal
 */
export function findHandedPeer(inode: number, endpoint: string): Peer {
  const scan = new ProcessScan(BUDGET_MS);
  const holders = scan.qemus.flatMap((pid) => {
    const identity = readIdentity(pid);
    return identity !== undefined && inode > 0 && scan.sockets(pid).has(inode) ? [identity] : [];
  });
  const [identity, another] = holders;
  if (identity === undefined) {
    if (scan.ranOut) return unknownPeer({ code: 'too-many-processes' });
    return unknownPeer({ code: 'no-qemu-seen', endpoint, isRoot: process.geteuid?.() === 0 });
  }
  const { pid, uid } = identity;
  if (another !== undefined) {
    return unknownPeer({ code: 'several-holders', endpoint, pids: holders.map((holder) => holder.pid) });
  }
  // libvirt's QEMUs are no more than their user, but changed to it, for which the kernel closes them to it; root may look all the same.
  if (!identity.isOpenToItsUser && process.geteuid?.() !== 0) return unknownPeer({ code: 'closed-to-its-user', pid });
  if (!isStill(identity)) return unknownPeer({ code: 'process-changed', pid });
  return { kind: 'process', pid, uid, identity };
}
