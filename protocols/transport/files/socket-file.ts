import { closeSync, fstatSync, openSync, statSync } from 'node:fs';

/** Linux's number for "a name for a file, and no more": nothing is opened that could notice it. Node has no name for it. @internal */
export const O_PATH = 0o10000000;

/**
 * The file of a unix socket, held so that it is this one that is connected to, and no other that was put in its place
 * meanwhile: what is known of it is then known of the connection's other end.
 *
 * @public
 */
export interface SocketFile {
  readonly device: bigint;
  readonly inode: bigint;
  /** Whom it belongs to: who has made it, unless root gave it away. */
  readonly uid: number;
  /** Leads to this file for as long as the connection is there. */
  readonly path: string;
}

/** @internal */
export interface HeldSocketFile extends SocketFile {
  release(): void;
}

/**
 * @param open - opens it, for a name only
 * @returns undefined where the system has no such thing (it is Linux's)
 * @throws the system's error when there is no such file, or it may not be reached.
 * @internal
 */
export function holdSocketFile(
  path: string,
  open: () => number = () => openSync(path, O_PATH),
): HeldSocketFile | undefined {
  if (process.platform !== 'linux') return undefined;
  const descriptor = open();
  const held = `/proc/self/fd/${descriptor}`;
  const { dev, ino, uid } = fstatSync(descriptor, { bigint: true });
  let isHeld = true;
  const release = (): void => {
    if (isHeld) closeSync(descriptor);
    isHeld = false;
  };
  if (statSync(held, { throwIfNoEntry: false }) === undefined) {
    // There is no /proc here.
    release();
    return undefined;
  }
  return { device: dev, inode: ino, uid: Number(uid), path: held, release };
}
