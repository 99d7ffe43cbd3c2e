import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  rmdirSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import {
  type Connection,
  connect,
  connectSame,
  formatEndpoint,
  O_PATH,
  parseEndpoint,
  randomBytes,
  type SocketIdentity,
} from '../../../protocols/transport/internal.ts';
import { GuestUsageError } from '../errors.ts';

/** Where a private directory is, or is going to be. @internal */
export interface DirectoryPlan {
  /** The outer one: only this user may write in it. */
  readonly path: string;
  /** The name of the inner one, which belongs to QEMU's user. */
  readonly room: string;
  /** The outer one as QEMU names it, where its root is another one than ours. */
  readonly inQemu?: string | undefined;
}

/** All that ever lies in one. @internal */
export type PrivateFile = 'gdb' | 'device-state';

const FILES: readonly PrivateFile[] = ['gdb', 'device-state'];

/** `sun_path` of Linux has 108 bytes, one of them for the end. */
const LONGEST_SOCKET_PATH = 107;
const NAME_BYTES = 6;
/** The device state of a large machine has megabytes; more than this is no device state. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;
/** Folders in which a program may make files, where QEMU's root has not ours. */
const SHARED_FOLDERS = ['/tmp', '/var/tmp', '/dev/shm', '/run', '/'];

/**
 * Names a directory that does not exist yet, so that the watchdog can know of it first. A QEMU in a container or another root does not see
 * our temporary folder, but we may see one of its own.
 *
 * @param pid - of QEMU, where it is proven
 * @throws GuestUsageError `ERR_GUEST_USAGE` when the temporary folder is one in which no stub can listen. Nothing was made.
 * @internal
 */
export function planPrivateDirectory(pid?: number): DirectoryPlan {
  const root = resolve(tmpdir());
  const name = newName();
  const folder = pid === undefined || isSameFolder(pid, root) ? undefined : findFolder(pid, [root, ...SHARED_FOLDERS]);
  const plan =
    folder === undefined
      ? { path: join(root, name), room: random() }
      : { path: join(`/proc/${pid}/root`, folder, name), room: random(), inQemu: join(folder, name) };
  checkPlan(plan, ['the temporary folder', root], 'set TMPDIR to');
  return plan;
}

/**
 * Names a directory beside the monitor's socket: a folder that QEMU has, wherever its temporary folder is.
 *
 * @returns undefined where others than root and this user could put something else in the place of that folder
 * @throws GuestUsageError `ERR_GUEST_USAGE`, as planPrivateDirectory
 * @internal
 */
export function planBesideSocket(socket: string): DirectoryPlan | undefined {
  const folder = dirname(resolve(socket));
  if (!isSafeFolder(folder)) return undefined;
  const plan = { path: join(folder, newName()), room: random() };
  checkPlan(plan, ['the folder', folder], 'name the socket by');
  return plan;
}

/** Where it is, for messages. @internal */
export function whereIs({ path, inQemu }: DirectoryPlan): string {
  return inQemu === undefined ? dirname(path) : `${dirname(inQemu)} of QEMU's own root`;
}

function random(): string {
  return randomBytes(NAME_BYTES).toString('base64url');
}

function newName(): string {
  return `pagewalk-${random()}`;
}

/** @throws GuestUsageError */
function checkPlan(plan: DirectoryPlan, [kind, folder]: readonly [string, string], advice: string): void {
  const bytes = Buffer.byteLength(pathOf(plan, 'gdb'));
  if (bytes > LONGEST_SOCKET_PATH) {
    throw new GuestUsageError(
      `${kind} ${folder} has too long a name for a socket (${bytes} bytes, ${LONGEST_SOCKET_PATH} are possible): ${advice} a shorter one`,
    );
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a monitor command is one line of text
  if (/[\u0000-\u001f\u007f]/.test(plan.path)) {
    throw new GuestUsageError(
      `the name of ${kind} has control characters, which the monitor does not take: ${advice} another one`,
    );
  }
}

/** Whether only root and this user can rename it, or what we make in it: each folder on the way, and links followed. */
function isSafeFolder(folder: string): boolean {
  try {
    const real = realpathSync(folder);
    for (let path = real; ; path = dirname(path)) {
      const { uid, mode } = statSync(path);
      const isSticky = (mode & 0o1000) !== 0;
      if ((uid !== 0 && uid !== process.geteuid?.()) || ((mode & 0o022) !== 0 && !isSticky)) return false;
      if (path === dirname(path)) break;
    }
    accessSync(real, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function isSameFolder(pid: number, folder: string): boolean {
  const ours = statSync(folder, { throwIfNoEntry: false });
  // A temporary folder that is not there is a mistake to be told, and no other root.
  if (ours === undefined) return true;
  try {
    const theirs = statSync(`/proc/${pid}/root${folder}`);
    return ours.dev === theirs.dev && ours.ino === theirs.ino;
  } catch {
    return false;
  }
}

/** A folder of QEMU's root in which we may make a directory. */
function findFolder(pid: number, candidates: readonly string[]): string | undefined {
  return candidates.find((folder) => {
    try {
      withFolder(`/proc/${pid}/root`, folder, (held) => accessSync(held, constants.W_OK));
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Holds a folder of a root that is not ours, by a name that leads to this one and no other. The owner of that root may put anything in the place
 * of any folder there, at any time.
 *
 * @throws the system's error
 */
function withFolder<Result>(root: string, folder: string, use: (held: string) => Result): Result {
  const descriptor = openFolder(root, folder);
  try {
    return use(`/proc/self/fd/${descriptor}`);
  } finally {
    closeSync(descriptor);
  }
}

/** Part by part, as a symbolic link in a root that is not ours would lead into ours. @throws the system's error */
function openFolder(root: string, folder: string): number {
  let descriptor = openSync(root, O_PATH | constants.O_DIRECTORY);
  for (const part of folder.split('/').filter((each) => each !== '')) {
    try {
      const next = openSync(
        `/proc/self/fd/${descriptor}/${part}`,
        O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW,
      );
      closeSync(descriptor);
      descriptor = next;
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }
  return descriptor;
}

function pathOf({ path, room }: DirectoryPlan, file: PrivateFile): string {
  return join(path, room, file);
}

/** The folder that the outer one is in, the outer one, or the inner one, as it is reached safely. @throws the system's error */
function within<Result>(
  { path, room, inQemu }: DirectoryPlan,
  which: 'above' | 'outer' | 'inner',
  use: (folder: string) => Result,
): Result {
  const folderOf = (outer: string): string =>
    which === 'above' ? dirname(outer) : which === 'outer' ? outer : join(outer, room);
  if (inQemu === undefined) return use(folderOf(path));
  return withFolder(path.slice(0, -inQemu.length), folderOf(inQemu), use);
}

/**
 * A directory for what QEMU and we hand each other: the socket of a stub, the file of the device state. Two deep: QEMU's user
 * owns the inner one and can do in it as it likes, but cannot put anything else in its place; what is removed is removed by its
 * name, so nothing outside is reached.
 *
 * Everything is done without a turn of the event loop: the guest may be paused meanwhile, and Node's thread pool takes longer
 * to hand the work over than to do it.
 *
 * @internal
 */
export class PrivateDirectory {
  readonly plan: DirectoryPlan;

  private constructor(plan: DirectoryPlan) {
    this.plan = plan;
  }

  /**
   * @param uid - of QEMU, where it is proven: the inner one becomes that user's
   * @throws the system's error; nothing is left then.
   */
  static make(plan: DirectoryPlan, uid: number | undefined): PrivateDirectory {
    const isOthers = uid !== undefined && uid !== process.getuid?.() && process.getuid?.() === 0;
    within(plan, 'above', (above) => mkdirSync(join(above, basename(plan.path)), { mode: 0o700 }));
    try {
      within(plan, 'outer', (outer) => mkdirSync(join(outer, plan.room), { mode: 0o700 }));
      if (isOthers) {
        within(plan, 'inner', (inner) => chownSync(inner, uid, -1));
        // To go through, not to look in: the inner name is a secret.
        within(plan, 'outer', (outer) => chmodSync(outer, 0o711));
      }
    } catch (error) {
      removePrivateDirectory(plan);
      throw error;
    }
    return new PrivateDirectory(plan);
  }

  pathOf(file: PrivateFile): string {
    return pathOf(this.plan, file);
  }

  /** The same file as QEMU names it. */
  pathInQemu(file: PrivateFile): string {
    const { path, room, inQemu = path } = this.plan;
    return pathOf({ path: inQemu, room }, file);
  }

  /**
   * Reads what QEMU has written: a regular file of bounded size, whatever its owner has put there meanwhile.
   *
   * @throws Error in words, or the system's.
   */
  read(file: PrivateFile): Buffer {
    const path = this.pathOf(file);
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const descriptor = within(this.plan, 'inner', (inner) => openSync(join(inner, file), flags));
    try {
      const { size, nlink } = fstatRegular(descriptor, path);
      // A second name would be that of another file, linked here.
      if (nlink !== 1) throw new Error(`${path} is not the file that QEMU was asked to write`);
      if (size > MAX_FILE_BYTES) throw new Error(`${path} has ${size} bytes, which no device state has`);
      const bytes = Buffer.allocUnsafe(size);
      return bytes.subarray(0, readFully(descriptor, bytes));
    } finally {
      closeSync(descriptor);
    }
  }

  /** Takes a file away, if it is there. */
  unlink(file: PrivateFile): void {
    unlink(this.plan, file);
  }

  remove(): void {
    removePrivateDirectory(this.plan);
  }
}

function fstatRegular(descriptor: number, path: string): { readonly size: number; readonly nlink: number } {
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) throw new Error(`${path} is no regular file`);
  return stat;
}

function readFully(descriptor: number, bytes: Buffer): number {
  let filled = 0;
  while (filled < bytes.length) {
    const count = readSync(descriptor, bytes, filled, bytes.length - filled, filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/**
 * Connects to a stub. In a private directory only what QEMU has made there is connected to: its user may have put a link there, to a
 * socket that is not open to that user, such as another guest's stub.
 *
 * @param known - the client's own directory, where it has one; and which file the stub's socket is, where that is known
 * @throws ConnectError
 * @internal
 */
export function connectStub(
  endpoint: string,
  { directory, stubFile }: { readonly directory?: DirectoryPlan; readonly stubFile?: SocketIdentity },
  timeoutMs: number,
): Promise<Connection> {
  const own = directory && formatEndpoint({ kind: 'unix', path: pathOf(directory, 'gdb') });
  if (directory !== undefined && formatEndpoint(parseEndpoint(endpoint)) === own)
    return connect(endpoint, { timeoutMs, openSocket: () => openPrivateSocket(directory) });
  return connectSame(endpoint, stubFile, timeoutMs);
}

/**
 * Opens, for a name only (O_PATH), the socket that QEMU was asked to make: neither a link, nor a second name of another one.
 *
 * @throws Error in words, or the system's.
 */
function openPrivateSocket(plan: DirectoryPlan): number {
  const descriptor = within(plan, 'inner', (inner) => openSync(join(inner, 'gdb'), O_PATH | constants.O_NOFOLLOW));
  const stat = fstatSync(descriptor);
  if (stat.isSocket() && stat.nlink === 1) return descriptor;
  closeSync(descriptor);
  throw new Error(`${pathOf(plan, 'gdb')} is not the socket that QEMU was asked to make`);
}

/** Removes one with what may lie in it; what its other owner has added stays, and the directory with it. @internal */
export function removePrivateDirectory(plan: DirectoryPlan): void {
  for (const file of FILES) unlink(plan, file);
  quietly(() => within(plan, 'outer', (outer) => rmdirSync(join(outer, plan.room))));
  quietly(() => within(plan, 'above', (above) => rmdirSync(join(above, basename(plan.path)))));
}

function unlink(plan: DirectoryPlan, file: PrivateFile): void {
  quietly(() => within(plan, 'inner', (inner) => unlinkSync(join(inner, file))));
}

function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // It is not there, or it is another's to remove.
  }
}
