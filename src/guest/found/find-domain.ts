import { LIBVIRT_SYSTEM_URI } from '../../../protocols/transport/internal.ts';
import type { FoundDomain } from './found-guest.ts';
import type { HostLook } from './host-look.ts';
import type { QemuCommandLine } from './qemu-command-line.ts';

const SESSION_URI = 'qemu:///session';

/** Where libvirt keeps the process id of each domain that it has started: `NAME.pid`. */
const RECORDS = { system: '/run/libvirt/qemu', session: (uid: number) => `/run/user/${uid}/libvirt/qemu/run` };

/** The folders of libvirt's records; others only for tests. @internal */
export type Records = typeof RECORDS;

/**
 * The libvirt that manages a QEMU, by its own records. Only where these cannot be read a process that bears the marks of libvirt is taken
 * at its word.
 *
 * @internal
 */
export function findDomain(
  pid: number,
  uid: number,
  { name, uuid, isLibvirts }: Pick<QemuCommandLine, 'name' | 'uuid' | 'isLibvirts'>,
  look: Pick<HostLook, 'record' | 'isOwnUser'>,
  records: Records = RECORDS,
): FoundDomain | null {
  if (!isFileName(name)) return null;
  // virsh takes a number for the id of a domain, which may be another one.
  const domain = /^\d+$/.test(name) ? uuid : name;
  if (domain === null) return null;
  const inSystem = isRecorded(look.record(`${records.system}/${name}.pid`), pid);
  if (inSystem === true) return { uri: LIBVIRT_SYSTEM_URI, domain, isProven: true };
  // The session of another user is not reached from here.
  const inSession = look.isOwnUser(uid)
    ? isRecorded(look.record(`${records.session(uid)}/${name}.pid`), pid)
    : (false as const);
  if (inSession === true) return { uri: SESSION_URI, domain, isProven: true };
  if (!isLibvirts) return null;
  if (inSession === undefined) return { uri: SESSION_URI, domain, isProven: false };
  return inSystem === undefined ? { uri: LIBVIRT_SYSTEM_URI, domain, isProven: false } : null;
}

/** @returns undefined where the record may not be read */
function isRecorded(record: string | undefined | null, pid: number): boolean | undefined {
  return record === null ? undefined : record?.trim() === String(pid);
}

/** The record that names a domain of the system's libvirt; undefined where the name is none of a domain. @internal */
export function systemRecordOf(name: string | null): string | undefined {
  return isFileName(name) ? `${RECORDS.system}/${name}.pid` : undefined;
}

/** The name is the process's word: it must lead to no other place. */
function isFileName(name: string | null): name is string {
  return name !== null && name !== '' && !name.includes('/') && !name.includes('\0');
}
