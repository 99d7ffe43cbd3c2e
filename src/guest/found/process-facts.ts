import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { O_PATH } from '../../../protocols/transport/internal.ts';
import { asNamedBy } from '../peer/processes.ts';
import { isOnTrustedFileSystem } from '../peer/trusted-file-systems.ts';

const MAX_BYTES = 512 * 1024;
const MOST_DESCRIPTORS = 4096;
const OTHERS_MAY_READ = 0o004;

/** The words of a process's command line; undefined where it has none or is gone. @internal */
export function commandLineOf(pid: number): readonly string[] | undefined {
  try {
    const words = readStart(`/proc/${pid}/cmdline`).split('\0');
    return words.length > 1 ? words.slice(0, -1) : undefined;
  } catch {
    return undefined;
  }
}

/** A namespace of a process, `net:[4026531840]`; empty where it may not be seen. @internal */
export function namespaceOf(pid: number | 'self', kind: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return '';
  }
}

/** Whether a process has a virtual machine of KVM's open; undefined where its descriptors may not be seen. @internal */
export function usesKvm(pid: number): boolean | undefined {
  try {
    const names = readdirSync(`/proc/${pid}/fd`).slice(0, MOST_DESCRIPTORS);
    return names.some((name) => linkOf(`/proc/${pid}/fd/${name}`).startsWith('anon_inode:kvm-vm'));
  } catch {
    return undefined;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** How the runtimes of containers name the control group of one. */
const CONTAINERS: readonly (readonly [string, RegExp])[] = [
  ['docker', /(?:\/docker\/|docker-)([0-9a-f]{12})/],
  ['podman', /libpod-([0-9a-f]{12})/],
  ['kubernetes', /(?:cri-containerd-|crio-|\/pod[0-9a-f-]{36}\/)([0-9a-f]{12})/],
  ['lxc', /\/lxc(?:\.payload)?[./]([\w.-]{1,64})/],
  ['systemd-nspawn', /\/machine\.slice\/systemd-nspawn@([\w-]{1,64})\.service/],
];

/** The container of a process, by its control group. @internal */
export function containerOf(pid: number): string | null {
  try {
    const text = readStart(`/proc/${pid}/cgroup`);
    for (const [runtime, pattern] of CONTAINERS) {
      const id = pattern.exec(text)?.[1];
      if (id !== undefined) return `${runtime} ${id}`;
    }
  } catch {
    // Gone.
  }
  return null;
}

/** The names of this host's users. @internal */
export function readUsers(): ReadonlyMap<number, string> {
  try {
    const rows = readFileSync('/etc/passwd', 'utf8').split('\n');
    return new Map(rows.map((row) => row.split(':', 4)).map(([name = '', , uid]) => [Number(uid || Number.NaN), name]));
  } catch {
    return new Map();
  }
}

/**
 * A file that a process names, in that process's own root, if it is that user's own or everyone's: root must not be made to read what
 * the process could not, be it a file of another user, or what the kernel tells root alone (procfs).
 *
 * @internal
 */
export function readNamedFile(pid: number, uid: number, path: string): string | undefined {
  let held: number | undefined;
  let descriptor: number | undefined;
  try {
    // Without "..": by that a name would lead out of a root that is no root of ours.
    const named = asNamedBy(pid, isAbsolute(path) ? resolve(path) : path);
    held = openSync(named, O_PATH | constants.O_NOFOLLOW);
    const { mode, uid: owner } = fstatSync(held);
    const isFile = (mode & constants.S_IFMT) === constants.S_IFREG;
    if (!isFile || (owner !== uid && (mode & OTHERS_MAY_READ) === 0)) return undefined;
    const again = `/proc/self/fd/${held}`;
    if (!isOnTrustedFileSystem(again)) return undefined;
    descriptor = openSync(again, constants.O_RDONLY | constants.O_NONBLOCK);
    return readFrom(descriptor);
  } catch {
    return undefined;
  } finally {
    for (const each of [held, descriptor]) if (each !== undefined) closeSync(each);
  }
}

function readStart(path: string): string {
  const descriptor = openSync(path, constants.O_RDONLY);
  try {
    return readFrom(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readFrom(descriptor: number): string {
  const bytes = Buffer.alloc(MAX_BYTES);
  let filled = 0;
  while (filled < bytes.length) {
    const count = readSync(descriptor, bytes, filled, bytes.length - filled, null);
    if (count === 0) break;
    filled += count;
  }
  return bytes.toString('utf8', 0, filled);
}
