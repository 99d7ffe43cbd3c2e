import { spawnSync } from 'node:child_process';

const TIMEOUT_MS = 2000;
const MAX_BYTES = 64 * 1024 * 1024;
/**
 * The other ends of connected unix sockets, by inode. The kernel tells them over netlink alone, which Node does not speak; `ss`
 * (iproute2) does. Without it nothing is known.
 *
 * @internal
 */
export function readUnixOtherEnds(): ReadonlyMap<number, number> {
  const { stdout } = spawnSync('ss', ['-xnH'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'latin1',
    timeout: TIMEOUT_MS,
    maxBuffer: MAX_BYTES,
  });
  return otherEndsOf(stdout ?? '');
}

/** The same of what `ss -xnH` prints. @internal */
export function otherEndsOf(text: string): ReadonlyMap<number, number> {
  const ends = new Map<number, number>();
  for (const line of text.split('\n')) {
    // The last three words: its own inode, an asterisk for the name of its other end, and that end's inode.
    const [own, asterisk, other] = line.trimEnd().slice(-200).split(' ').filter(Boolean).slice(-3).map(Number);
    if (own && other && Number.isNaN(asterisk)) ends.set(own, other);
  }
  return ends;
}
