import { statSync } from 'node:fs';
import { parseEndpoint } from '../../../protocols/transport/index.ts';
import { GuestUsageError } from '../errors.ts';
import { findListener, type Listener } from './listens-at.ts';
import type { Peer } from './peer.ts';

/**
 * Makes sure that the QEMU which answers is the process that is meant: that an endpoint is its own is that process's own word, and it may
 * have named another guest's.
 *
 * @param cpus - its vCPUs, by whose threads it is known where the kernel does not show who holds the connection
 * @throws GuestUsageError `ERR_GUEST_USAGE`
 * @internal
 */
export function requireProcess(
  pid: number,
  { endpoint, peer }: { readonly endpoint: string; readonly peer: Peer },
  cpus: readonly { readonly threadId: number | undefined }[],
): void {
  const proven = peer.kind === 'process' ? peer.pid : peer.kind === 'remote' ? peer.process.pid : undefined;
  if (proven !== undefined) {
    if (proven !== pid) throw refusal(pid, endpoint, `QEMU ${proven} is behind it`);
    return;
  }
  // Threads of another host are none of this one's.
  if (parseEndpoint(endpoint).kind === 'host') throw refusal(pid, endpoint, 'that is not proven');
  const threads = cpus.flatMap(({ threadId }) => threadId ?? []);
  if (threads.length === 0 || !threads.every((thread) => hasThread(pid, thread))) {
    throw refusal(pid, endpoint, 'that is not proven');
  }
}

/**
 * The same of a GDB stub, before it is connected to: that pauses the guest.
 *
 * @returns what is to be connected to, and nothing else that may lie there later
 * @throws GuestUsageError `ERR_GUEST_USAGE`
 * @internal
 */
export function requireOwnStub(pid: number, endpoint: string): Listener {
  const listener = findListener(pid, parseEndpoint(endpoint));
  if (listener === undefined) throw refusal(pid, endpoint, 'that is not proven');
  return listener;
}

function hasThread(pid: number, thread: number): boolean {
  try {
    return statSync(`/proc/${pid}/task/${thread}`, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function refusal(pid: number, endpoint: string, problem: string): GuestUsageError {
  return new GuestUsageError(
    `QEMU ${pid} says of itself that ${endpoint} leads to it, and ${problem}. The guest was not paused: name the endpoint instead of the process if that is the guest you mean`,
  );
}
