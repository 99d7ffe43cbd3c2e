import { findSoleHolder } from './find-sole-holder.ts';
import { type Peer, unknownPeer } from './peer.ts';
import { isStill } from './process-identity.ts';

/**
 * Finds the QEMU that holds the end of a connection which was handed to it. Both ends were made by this process: what has the other one
 * has it from us.
 *
 * @param inode - of that end; 0 where it is not known
 * @internal
 */
export function findHandedPeer(inode: number, endpoint: string): Peer {
  const isRoot = process.geteuid?.() === 0;
  const identity = findSoleHolder(inode, endpoint, () => ({ code: 'no-qemu-seen', endpoint, isRoot }));
  if ('code' in identity) return unknownPeer(identity);
  const { pid, uid } = identity;
  // libvirt's QEMUs are no more than their user, but changed to it, for which the kernel closes them to it; root may look all the same.
  if (!identity.isOpenToItsUser && !isRoot) return unknownPeer({ code: 'closed-to-its-user', pid });
  if (!isStill(identity)) return unknownPeer({ code: 'process-changed', pid });
  return { kind: 'process', pid, uid, identity };
}
