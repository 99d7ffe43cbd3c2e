import { closeSync, constants, fstatSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { O_PATH } from '../../../../protocols/transport/internal.ts';
import type { Mapping } from './mappings.ts';

const MOST_DESCRIPTORS = 4096;

/**
 * Opens the file that a process has mapped, for reading. It is reached through what the kernel shows of that process and never by
 * a name: it must be the very file of the mapping, and a plain one, before it is opened for more than a look at what it is.
 *
 * @returns undefined when it cannot be reached so
 * @internal
 */
export function openMappedFile(pid: number, mapping: Mapping): number | undefined {
  // Following map_files takes rights (CAP_CHECKPOINT_RESTORE); a descriptor that QEMU has kept takes none.
  for (const path of [`/proc/${pid}/map_files/${mapping.range}`, ...descriptorsOf(pid)]) {
    const descriptor = openIfSame(path, mapping);
    if (descriptor !== undefined) return descriptor;
  }
  return undefined;
}

function descriptorsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`)
      .slice(0, MOST_DESCRIPTORS)
      .map((name) => `/proc/${pid}/fd/${name}`)
      .filter((path) => isFileName(path));
  } catch {
    return [];
  }
}

/** Sockets, pipes and the like are not looked at any further. */
function isFileName(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('/');
  } catch {
    return false;
  }
}

function openIfSame(path: string, { device, inode }: Mapping): number | undefined {
  let held: number | undefined;
  try {
    held = openSync(path, O_PATH);
    const found = fstatSync(held, { bigint: true });
    if (!found.isFile() || found.dev !== device || found.ino !== inode) return undefined;
    // What is opened is what was looked at, even if the process has put something else there meanwhile.
    return openSync(`/proc/self/fd/${held}`, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  } finally {
    if (held !== undefined) closeSync(held);
  }
}
