import { chown, mkdtemp, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/**
 * A directory that only this process and QEMU can look into: for a stub's socket, and for the file of the device state.
 *
 * @internal
 */
export interface PrivateDirectory {
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * The user that a QEMU on this host runs as. The thread id is QEMU's word; it means nothing when QEMU lives in another PID
 * namespace, so the thread must look like QEMU here too.
 */
async function ownerOfQemu(threadId: number): Promise<number | undefined> {
  try {
    const executable = basename(await readlink(`/proc/${threadId}/exe`));
    return executable.includes('qemu') ? (await stat(`/proc/${threadId}`)).uid : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Makes one, mode 0700. When this process is root and QEMU is not, QEMU gets to own it: root can look into it all the same.
 *
 * @param threadId - of one of QEMU's threads on this host, where known
 * @internal
 */
export async function makePrivateDirectory(threadId: number | undefined): Promise<PrivateDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'pagewalk-'));
  const owner = process.getuid?.() === 0 && threadId !== undefined ? await ownerOfQemu(threadId) : undefined;
  if (owner) await chown(path, owner, -1);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
