import { closeSync, constants, fstatSync, openSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { O_PATH } from './socket-file.ts';

/** Which file a socket is, for as long as it is there: `device:inode`. Plain text, as others have to be told of it. @internal */
export type SocketIdentity = string;

interface FileNumbers {
  readonly device: bigint | number;
  readonly inode: bigint | number;
}

/** Of a connection's file, or of another one by the same numbers. @internal */
export function identityOfFile({ device, inode }: FileNumbers): SocketIdentity {
  return `${device}:${inode}`;
}

/** Of the file that a path leads to now, with its owner. @throws the system's error. @internal */
export function identifySocket(path: string): { readonly identity: SocketIdentity; readonly uid: number } {
  const stat = statSync(path);
  return { identity: identityOf(stat), uid: stat.uid };
}

/**
 * Which file lies at a path at which a process is known to have bound a socket. Who may write to the folder may have put another thing
 * there since: a link to a socket that is not open to that user, or a second name of one.
 *
 * @param path - absolute
 * @param root - what `/` means: a process may have another root, in which a link that is followed as it is would lead into ours
 * @returns undefined where it may be another one's
 * @throws the system's error where nothing is there.
 * @internal
 */
export function findBoundSocket(path: string, root = '/'): SocketIdentity | undefined {
  const descriptor = openThere(root, path);
  if (descriptor === undefined) return undefined;
  try {
    const stat = fstatSync(descriptor);
    return stat.isSocket() && stat.nlink === 1 ? identityOf(stat) : undefined;
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
  return identityOfFile({ device: dev, inode: ino });
}

/** S_ISVTX, which Node has no name for: in such a folder names belong to who has made the file. */
const STICKY = 0o1000;
/** Links on the way: as many as the kernel follows. */
const MOST_LINKS = 40;

/**
 * Opens, for its name only, what lies at a path: folder by folder, each held while it is gone into, so that none can be replaced meanwhile. Of
 * links only those to folders are followed that root or this user has made, where no other user can put another one in their place: /var/run is one.
 *
 * @returns undefined where there is another link
 */
function openThere(root: string, path: string): number | undefined {
  let parts = partsOf(path);
  for (let links = 0; links <= MOST_LINKS; links += 1) {
    const reached = walk(root, parts);
    if (reached === undefined || typeof reached === 'number') return reached;
    const { at, target } = reached;
    const from = target.startsWith('/') ? [] : parts.slice(0, at);
    parts = partsOf(join('/', ...from, target, ...parts.slice(at + 1)));
  }
  return undefined;
}

/** @returns what was opened; or a link to be followed, by its place on the way; undefined for one that is not to be followed */
function walk(
  root: string,
  parts: readonly string[],
): number | { readonly at: number; readonly target: string } | undefined {
  let descriptor = openSync(root, O_PATH | constants.O_DIRECTORY);
  for (const [at, part] of parts.entries()) {
    const folder = descriptor;
    try {
      const next = `/proc/self/fd/${folder}/${part}`;
      descriptor = openSync(next, O_PATH | constants.O_NOFOLLOW);
      const stat = fstatSync(descriptor);
      if (!stat.isSymbolicLink()) continue;
      closeSync(descriptor);
      // The socket itself is made by bind(2), never behind a link.
      if (at === parts.length - 1 || !isTrusted(stat) || !keepsNames(fstatSync(folder))) return undefined;
      return { at, target: readlinkSync(next) };
    } finally {
      closeSync(folder);
    }
  }
  return descriptor;
}

/**
 * Whether no other user can rename what root or this user has made in a folder: a link is read by its name, after it was looked at. Who
 * owns a folder can, and who may write to it where it is not sticky.
 */
function keepsNames(folder: Stats): boolean {
  const { S_IWGRP, S_IWOTH } = constants;
  return isTrusted(folder) && ((folder.mode & (S_IWGRP | S_IWOTH)) === 0 || (folder.mode & STICKY) !== 0);
}

function isTrusted({ uid }: Stats): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

function partsOf(path: string): string[] {
  return resolve('/', path)
    .split('/')
    .filter((part) => part !== '');
}
