import { readFileSync } from 'node:fs';
import type { FoundDomain } from './found-guest.ts';
import type { QemuCommandLine } from './qemu-command-line.ts';

/** @internal */
export const SYSTEM_URI = 'qemu:///system';

/** Where libvirt keeps the process id of each domain that it has started: `NAME.pid`. */
const SYSTEM_RECORDS = '/run/libvirt/qemu';

/**
 * The libvirt that manages a QEMU, by its own records where these can be read.
 *
 * @internal
 */
export function findDomain(pid: number, uid: number, { name, isLibvirts }: QemuCommandLine): FoundDomain | null {
  // The name is the process's word: it must lead to no other place.
  if (name === null || name === '' || name.includes('/') || name.includes('\0')) return null;
  if (isRecorded(`${SYSTEM_RECORDS}/${name}.pid`, pid)) {
    return { uri: SYSTEM_URI, domain: name, isProven: true };
  }
  const isOurs = uid === process.getuid?.();
  if (isRecorded(`/run/user/${uid}/libvirt/qemu/run/${name}.pid`, pid) && isOurs) {
    return { uri: 'qemu:///session', domain: name, isProven: true };
  }
  return isLibvirts
    ? { uri: isOurs && uid !== 0 ? 'qemu:///session' : SYSTEM_URI, domain: name, isProven: false }
    : null;
}

function isRecorded(file: string, pid: number): boolean {
  try {
    return readFileSync(file, 'latin1').trim() === String(pid);
  } catch {
    return false;
  }
}
