import { chownSync, mkdtempSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/**
 * A directory that only this process and QEMU can look into: for a stub's socket, and for the file of the device state.
 *
 * @internal
 */
export interface PrivateDirectory {
  readonly path: string;
  remove(): void;
}

/**
 * The user that a QEMU on this host runs as. The thread id is QEMU's word; it means nothing when QEMU lives in another PID
 * namespace, so the thread must look like QEMU here too.
 */
function ownerOfQemu(threadId: number): number | undefined {
  try {
    const executable = basename(readlinkSync(`/proc/${threadId}/exe`));
    return executable.includes('qemu') ? statSync(`/proc/${threadId}`).uid : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Makes one, mode 0700, without a turn of the event loop: the guest may be standing still meanwhile, and Node's thread pool
 * takes longer to hand the work over than to do it. When this process is root and QEMU is not, QEMU gets to own it: root can look into it all the same.
 *
 * @param threadId - of one of QEMU's threads on this host, where known
 * @internal
 */
export function makePrivateDirectory(threadId: number | undefined): PrivateDirectory {
  const path = mkdtempSync(join(tmpdir(), 'pagewalk-'));
  const owner = process.getuid?.() === 0 && threadId !== undefined ? ownerOfQemu(threadId) : undefined;
  if (owner) chownSync(path, owner, -1);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
