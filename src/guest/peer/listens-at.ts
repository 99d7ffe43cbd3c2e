import {
  type Endpoint,
  findBoundSocket,
  identifySocket,
  parseEndpoint,
  type SocketIdentity,
} from '../../../protocols/transport/internal.ts';
import { ProcessScan } from './processes.ts';
import { readListeningPorts, readUnixSockets } from './socket-tables.ts';

/** How long the look at one process's descriptors may take; the guest runs meanwhile. */
const BUDGET_MS = 1000;

/** A socket that is listened at by whom it should be. @internal */
export interface Listener {
  /** Of a unix socket, which file it is: only that one is to be connected to. */
  readonly file?: SocketIdentity;
}

/**
 * Whether a process listens at an endpoint of this host, and no other one does: what QEMU names as its stub may be any process's socket,
 * to which we must not connect.
 *
 * @internal
 */
export function listensAt(pid: number, endpoint: Endpoint): boolean {
  return findListener(pid, endpoint) !== undefined;
}

/** The same with which file it is. @internal */
export function findListener(pid: number, endpoint: Endpoint): Listener | undefined {
  try {
    const open = new ProcessScan(BUDGET_MS).sockets(pid);
    if (endpoint.kind === 'tcp') {
      const ports = readListeningPorts().filter(({ port }) => port === endpoint.port);
      return ports.length > 0 && ports.every(({ inode }) => open.has(inode)) ? {} : undefined;
    }
    if (endpoint.kind !== 'unix') return undefined;
    const { path } = endpoint;
    const bound = readUnixSockets(pid)?.filter((socket) => socket.isListening && socket.path === path) ?? [];
    if (bound.length === 0 || !bound.every(({ inode }) => open.has(inode))) return undefined;
    const file = findBoundSocket(path);
    // The name may lead to another file for the process than for us: it can have another root.
    return file !== undefined && findBoundSocket(path, `/proc/${pid}/root`) === file ? { file } : undefined;
  } catch {
    // Gone, or not for us to look into.
    return undefined;
  }
}

/**
 * Finds another QEMU of this host that listens at an endpoint, as far as we may look.
 *
 * @param pid - the one that is meant
 * @internal
 */
export function findOtherListener(pid: number, endpoint: Endpoint): number | undefined {
  try {
    return new ProcessScan(BUDGET_MS).qemus.find((other) => other !== pid && listensAt(other, endpoint));
  } catch {
    return undefined;
  }
}

/**
 * A socket of this host, if it belongs to a user: behind a proxy QEMU is out of sight, but what the proxy's own user has made is no
 * more than that user's.
 *
 * @internal
 */
export function findListenerOf(uid: number, endpoint: Endpoint): Listener | undefined {
  try {
    if (endpoint.kind === 'unix') {
      const { identity, uid: owner } = identifySocket(endpoint.path);
      return owner === uid ? { file: identity } : undefined;
    }
    if (endpoint.kind !== 'tcp') return undefined;
    const ports = readListeningPorts().filter(({ port }) => port === endpoint.port);
    return ports.length > 0 && ports.every((socket) => socket.uid === uid) ? {} : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether a unix socket of this host is listened at and has no client. Nothing is touched.
 *
 * @returns undefined where that cannot be told
 * @internal
 */
export function isSocketIdle(endpoint: string): boolean | undefined {
  const target = parseEndpoint(endpoint);
  if (target.kind !== 'unix') return undefined;
  try {
    const named = readUnixSockets('self')?.filter(({ path }) => path === target.path);
    return named && named.length > 0 && named.every(({ isListening }) => isListening);
  } catch {
    return undefined;
  }
}
