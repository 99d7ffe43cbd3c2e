import type { PeerCause } from '../causes/peer-cause.ts';
import { type ProcessIdentity, readIdentity } from './process-identity.ts';
import { ProcessScan } from './processes.ts';

/** How long the search may take. */
const BUDGET_MS = 1000;

/**
 * Finds the one QEMU that has a socket open.
 *
 * @param noHolder - why none was seen, though all were looked at
 * @internal
 */
export function findSoleHolder(
  inode: number,
  endpoint: string,
  noHolder: () => PeerCause,
): ProcessIdentity | PeerCause {
  const scan = new ProcessScan(BUDGET_MS);
  const holders = scan.qemus.flatMap((pid) => {
    const identity = readIdentity(pid);
    return identity !== undefined && inode > 0 && scan.sockets(pid).has(inode) ? [identity] : [];
  });
  const [identity, another] = holders;
  if (identity === undefined) return scan.ranOut ? { code: 'too-many-processes' } : noHolder();
  if (another !== undefined) return { code: 'several-holders', endpoint, pids: holders.map(({ pid }) => pid) };
  return identity;
}
