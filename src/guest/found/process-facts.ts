import { closeSync, constants, fstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { basename, isAbsolute, resolve } from 'node:path';
import { O_PATH } from '../../../protocols/transport/internal.ts';
import { asNamedBy } from '../peer/processes.ts';
import { isOnTrustedFileSystem } from '../peer/trusted-file-systems.ts';

const MAX_BYTES = 512 * 1024;
const MOST_DESCRIPTORS = 4096;
const OTHERS_MAY_READ = 0o004;

/** The words of a process's command line; undefined where it has none or is gone. @internal */
export function commandLineOf(pid: number): readonly string[] | undefined {
  try {
    return wordsOf(readStart(`/proc/${pid}/cmdline`));
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

/** The container of a process, by its `/proc/PID/cgroup`. @internal */
export function containerOf(controlGroup: string): string | null {
  for (const [runtime, pattern] of CONTAINERS) {
    const id = pattern.exec(controlGroup)?.[1];
    if (id !== undefined) return `${runtime} ${id}`;
  }
  return null;
}

/** Its process id in its own PID namespace, where that is another one, by its `/proc/PID/status`. @internal */
export function innerPidOf(status: string): number | null {
  const line = status.split('\n').find((each) => each.startsWith('NSpid:'));
  const ids = line?.slice('NSpid:'.length).trim().split('\t').map(Number) ?? [];
  return ids.length > 1 ? (ids.at(-1) ?? null) : null;
}

/** The names of a host's users, by its `/etc/passwd`. @internal */
export function usersOf(text: string): ReadonlyMap<number, string> {
  const rows = text.split('\n').map((row) => row.split(':', 4));
  return new Map(rows.map(([name = '', , uid]) => [Number(uid || Number.NaN), name]));
}

/** The words of a process's command line, by its `/proc/PID/cmdline`. @internal */
export function wordsOf(commandLine: string): readonly string[] | undefined {
  const words = commandLine.split('\0');
  return words.length > 1 ? words.slice(0, -1) : undefined;
}

/** Not QEMU's tools: images, network disks, the agent in a guest. @internal */
export function isSystemEmulator(program: string): boolean {
  return program.includes('qemu-system') || program.includes('qemu-kvm') || program === 'kvm';
}

/** The name of a process's program, by the kernel where that may be seen. @internal */
export function programOf(executable: string | undefined, words: readonly string[] | undefined): string {
  return basename(executable?.replace(/ \(deleted\)$/, '') ?? words?.[0] ?? '');
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

/** As much of a file as anything here has. @throws the system's error @internal */
export function readStart(path: string): string {
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
