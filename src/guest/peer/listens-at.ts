import { statSync } from 'node:fs';
import { type Endpoint, parseEndpoint } from '../../../protocols/transport/index.ts';
import { ProcessScan } from './processes.ts';
import { readListeningPorts, readUnixSockets } from './socket-tables.ts';

/** How long the look at one process's descriptors may take; the guest runs meanwhile. */
const BUDGET_MS = 1000;

/**
 * Whether a process listens at an endpoint of this host, and no other one does: what QEMU names as its stub may be any process's socket,
 * to which we must not connect.
 *
 * @internal
 */
export function listensAt(pid: number, endpoint: Endpoint): boolean {
  try {
    const open = new ProcessScan(BUDGET_MS).sockets(pid);
    if (endpoint.kind === 'tcp') {
      const ports = readListeningPorts().filter(({ port }) => port === endpoint.port);
      return ports.length > 0 && ports.every(({ inode }) => open.has(inode));
    }
    if (endpoint.kind !== 'unix') return false;
    const { path } = endpoint;
    const bound = readUnixSockets(pid)?.filter((socket) => socket.isListening && socket.path === path) ?? [];
    return bound.some(({ inode }) => open.has(inode)) && isSameFile(path, `/proc/${pid}/root${path}`);
  } catch {
    // Gone, or not for us to look into.
    return false;
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

/** The name may lead to another file for the process than for us: it can have another root. */
function isSameFile(one: string, other: string): boolean {
  const [first, second] = [statSync(one), statSync(other)];
  return first.dev === second.dev && first.ino === second.ino;
}

/**
 * Whether a socket of this host belongs to a user: behind a proxy QEMU is out of sight, but what the proxy's own user has made is no
 * more than that user's.
 *
 * @internal
 */
export function belongsTo(uid: number, endpoint: Endpoint): boolean {
  try {
    if (endpoint.kind === 'unix') return statSync(endpoint.path).uid === uid;
    if (endpoint.kind !== 'tcp') return false;
    const ports = readListeningPorts().filter(({ port }) => port === endpoint.port);
    return ports.length > 0 && ports.every((socket) => socket.uid === uid);
  } catch {
    return false;
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
