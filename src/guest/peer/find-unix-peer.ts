import { readlinkSync, statSync } from 'node:fs';
import type { SocketFile } from '../../../protocols/transport/index.ts';
import type { PeerCause } from '../causes/peer-cause.ts';
import { findHolder } from './find-holder.ts';
import { type Peer, type PeerProcess, unknownPeer } from './peer.ts';
import { isStill, type ProcessIdentity, readIdentity } from './process-identity.ts';
import { asNamedBy, ProcessScan } from './processes.ts';
import { readUnixSockets, type UnixSocket } from './socket-tables.ts';
import { isOnTrustedFileSystem } from './trusted-file-systems.ts';

/** How long the search may take; the guest runs meanwhile. */
const BUDGET_MS = 1000;

/** A QEMU that has the socket which we are connected to. */
interface Holder {
  readonly identity: ProcessIdentity;
  /** All sockets that it has open, by inode, each with a descriptor. */
  readonly open: ReadonlyMap<number, number>;
  /** Those bound to our file: the listening one, and each connection that was accepted from it. */
  readonly ours: readonly UnixSocket[];
  /** Everything of its network namespace that bears one of the same names. */
  readonly namesakes: readonly UnixSocket[];
}

/**
 * Finds the QEMU behind a unix socket. The socket's file is the one that we hold and have connected to, and it belongs to who bound
 * the socket: with that alone no other user can be behind it. Which of that user's processes it is follows from the sockets that
 * each has open and from the names that they are bound to, resolved in that process's own root and working directory.
 *
 * @internal
 */
export function findUnixPeer(file: SocketFile | undefined, endpoint: string): Peer {
  if (file === undefined) return unknownPeer({ code: 'no-socket-file' });
  if (!isOnTrustedFileSystem(file.path)) {
    return unknownPeer({ code: 'untrusted-file-system', endpoint });
  }
  const scan = new ProcessScan(BUDGET_MS);
  const table = new Map<string, readonly UnixSocket[] | undefined>();
  const holders: Holder[] = [];
  for (const pid of scan.qemus) {
    const holder = unlessGone(pid, (identity) => asHolder(identity, file, scan, table));
    if (holder !== undefined && 'code' in holder) return unknownPeer(holder);
    if (holder !== undefined) holders.push(holder);
  }
  const [holder, another] = holders;
  if (holder === undefined) {
    if (scan.ranOut) return unknownPeer({ code: 'too-many-processes' });
    return unknownPeer(findHolder(endpoint, socketsNamedLike(endpoint)));
  }
  if (another !== undefined) {
    return unknownPeer({ code: 'several-holders', endpoint, pids: holders.map(({ identity }) => identity.pid) });
  }
  return judge(holder, file, endpoint, scan);
}

/** Other guests end while one is looked for: of what is gone there is nothing to see. @throws as `look`, of a process that is there */
function unlessGone<T>(pid: number, look: (identity: ProcessIdentity) => T): T | undefined {
  const identity = readIdentity(pid);
  try {
    return identity && look(identity);
  } catch (error) {
    if (identity !== undefined && isStill(identity)) throw error;
    return undefined;
  }
}

/** @throws the system's error */
function asHolder(
  identity: ProcessIdentity,
  file: SocketFile,
  scan: ProcessScan,
  tables: Map<string, readonly UnixSocket[] | undefined>,
): Holder | PeerCause | undefined {
  const { pid } = identity;
  // Root may have bound the socket for a process that it then became (-runas), or started (libvirt).
  if (file.uid !== identity.uid && file.uid !== 0) return undefined;
  const open = scan.sockets(pid);
  if (open.size === 0) return undefined;
  const namespace = readlinkSync(`/proc/${pid}/ns/net`);
  if (!tables.has(namespace)) tables.set(namespace, readTables(pid, namespace));
  const sockets = tables.get(namespace);
  if (sockets === undefined) return { code: 'ambiguous-sockets' };
  const isOurs = new Map<string, boolean>();
  const ours = sockets.filter(({ inode, path }) => {
    if (!open.has(inode)) return false;
    const known = isOurs.get(path) ?? leadsTo(pid, path, file);
    isOurs.set(path, known);
    return known;
  });
  if (ours.length === 0) return undefined;
  const namesakes = sockets.filter(({ path }) => isOurs.get(path) === true);
  return { identity, open, ours, namesakes };
}

/** What a process accepted is in the network namespace of who connected, and that is ours. */
function readTables(pid: number, namespace: string): readonly UnixSocket[] | undefined {
  const theirs = readUnixSockets(pid);
  if (namespace === readlinkSync('/proc/self/ns/net')) return theirs;
  const ours = readUnixSockets('self');
  return theirs && ours && [...theirs, ...ours];
}

/** Whether a name that a process bound, in its own root and working directory, is the file that we connected to. */
function leadsTo(pid: number, path: string, { device, inode }: SocketFile): boolean {
  // A NUL as the first character, printed as @, is a name that is no file.
  if (path === '' || path.startsWith('@')) return false;
  const seen = asNamedBy(pid, path);
  try {
    const found = statSync(seen, { bigint: true, throwIfNoEntry: false });
    return found?.dev === device && found.ino === inode;
  } catch {
    return false;
  }
}

function judge(holder: Holder, file: SocketFile, endpoint: string, scan: ProcessScan): Peer {
  const { identity, open, ours, namesakes } = holder;
  const { pid, uid } = identity;
  const connected = ours.filter(({ isListening }) => !isListening);
  if (connected.length === 0) return unknownPeer({ code: 'only-listens', endpoint, pid });
  // A socket belongs to who made it, also after it was handed over to another process: fchown(2) on it is for root.
  if (connected.some(({ inode }) => uidOfSocket(pid, open.get(inode)) !== uid)) {
    return unknownPeer({ code: 'foreign-connection', endpoint, pid });
  }
  if (!identity.isOpenToItsUser && file.uid !== 0) {
    return unknownPeer({ code: 'closed-to-its-user', pid });
  }
  const elsewhere = namesakes.filter(({ inode }) => !open.has(inode));
  const stranger = elsewhere.find(({ inode, path }) => !isBoundElsewhere(inode, path, file, pid, scan));
  if (stranger !== undefined) {
    return unknownPeer({ code: 'namesake', path: stranger.path });
  }
  if (!isStill(identity)) return unknownPeer({ code: 'process-changed', pid });
  return { kind: 'process', pid, uid, identity } satisfies PeerProcess;
}

/** Whether a socket of the same name is another QEMU's, in whose root and working directory the name is another socket. */
function isBoundElsewhere(inode: number, path: string, file: SocketFile, pid: number, scan: ProcessScan): boolean {
  for (const other of scan.qemus) {
    if (other === pid || !scan.sockets(other).has(inode)) continue;
    const seen = asNamedBy(other, path);
    return statSync(seen, { throwIfNoEntry: false })?.isSocket() === true && !leadsTo(other, path, file);
  }
  return false;
}

function uidOfSocket(pid: number, descriptor: number | undefined): number | undefined {
  return statSync(`/proc/${pid}/fd/${descriptor}`, { throwIfNoEntry: false })?.uid;
}

function socketsNamedLike(endpoint: string): readonly number[] {
  const path = endpoint.replace(/^unix:/, '');
  return (readUnixSockets('self') ?? []).filter((socket) => socket.path === path).map(({ inode }) => inode);
}
