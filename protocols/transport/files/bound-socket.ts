import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { O_PATH, type SocketFile } from './socket-file.ts';

/** Which file a socket is, for as long as it is there: `device:inode`. Plain text, as others have to be told of it. @internal */
export type SocketIdentity = string;

/** Of a connection's file. @internal */
export function identityOfFile({ device, inode }: Pick<SocketFile, 'device' | 'inode'>): SocketIdentity {
  return `${device}:${inode}`;
}

/** Links of links: as many as the kernel follows. */
const MOST_LINKS = 40;

/** Of the file that a path leads to now, with its owner. @throws the system's error. @internal */
export function identifySocket(path: string): { readonly identity: SocketIdentity; readonly uid: number } {
  const stat = statSync(path);
  return { identity: identityOf(stat), uid: stat.uid };
}

/**
 * Which file lies at a path at which a process is known to have bound a socket. Who may write to the folder may have put another thing
 * there since: a link to a socket that is not open to that user, or a second name of one.
 *
 * @returns undefined where it may be another one's
 * @throws the system's error where nothing is there.
 * @internal
 */
export function findBoundSocket(path: string): SocketIdentity | undefined {
  const folder = withoutLinks(dirname(resolve(path)));
  if (folder === undefined) return undefined;
  // The socket itself is made by bind(2), never behind a link.
  const place = join(folder, basename(path));
  const descriptor = openSync(place, O_PATH | constants.O_NOFOLLOW);
  try {
    const stat = fstatSync(descriptor);
    // Where it was opened is asked of the kernel: a folder on the way may have been replaced meanwhile.
    const isThere = readlinkSync(`/proc/self/fd/${descriptor}`) === place;
    return isThere && stat.isSocket() && stat.nlink === 1 ? identityOf(stat) : undefined;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Opens a socket, for its name only (O_PATH), if it is the one that it was.
 *
 * @throws Error in words, or the system's.
 * @internal
 */
export function openSameSocket(path: string, identity: SocketIdentity): number {
  const descriptor = openSync(path, O_PATH);
  if (identityOf(fstatSync(descriptor)) === identity) return descriptor;
  closeSync(descriptor);
  throw new Error(`${path} is another socket than before: something else was put in its place`);
}

function identityOf({ dev, ino }: Stats): SocketIdentity {
  return `${dev}:${ino}`;
}

/**
 * The path with the links that root or this user has made followed, such as /var/run: no other user can change those.
 *
 * @returns undefined where there is a link of another user's
 */
function withoutLinks(path: string): string | undefined {
  const waiting = resolve(path)
    .split('/')
    .filter((part) => part !== '');
  let place = '/';
  for (let links = 0; waiting.length > 0; ) {
    const next = join(place, waiting.shift() ?? '');
    const stat = lstatSync(next);
    if (!stat.isSymbolicLink()) {
      place = next;
      continue;
    }
    links += 1;
    if (links > MOST_LINKS || (stat.uid !== 0 && stat.uid !== process.geteuid?.())) return undefined;
    const target = resolve(dirname(next), readlinkSync(next));
    waiting.unshift(...target.split('/').filter((part) => part !== ''));
    place = '/';
  }
  return place;
}
