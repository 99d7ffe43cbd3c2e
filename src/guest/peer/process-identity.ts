import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { startTimeOf } from './process-life.ts';

/** What tells one process, and the program that it runs, from every other one. @internal */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot: a process id that was given to another process comes with another time. */
  readonly startTime: string;
  readonly uid: number;
  readonly gid: number;
  /** As the kernel shows it; ends in ` (deleted)` when the program was replaced by an update. */
  readonly executable: string;
  /**
   * The kernel lets the same user look into it. It does not when the program is one that this user may run but not read, or one
   * that was given more rights by its file.
   */
  readonly isOpenToItsUser: boolean;
  /** The process's id in each PID namespace that it is in, ours first. */
  readonly namespacedPids: readonly number[];
}

/**
 * Reads what a process is.
 *
 * @returns undefined when it is gone, may not be looked into, or has more than one user or group id: a program that changes its
 * rights is under way
 * @internal
 */
export function readIdentity(pid: number): ProcessIdentity | undefined {
  try {
    const executable = readlinkSync(`/proc/${pid}/exe`);
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const uid = onlyId(status, 'Uid');
    const gid = onlyId(status, 'Gid');
    const startTime = startTimeOf(pid);
    if (uid === undefined || gid === undefined || startTime === null) return undefined;
    return {
      pid,
      startTime,
      uid,
      gid,
      executable,
      // proc(5): the files of a process that is not "dumpable" belong to root.
      isOpenToItsUser: statSync(`/proc/${pid}/mem`).uid === uid,
      namespacedPids: idsOf(status, 'NSpid'),
    };
  } catch {
    return undefined;
  }
}

/** Whether the process is there and runs the same program with the same rights. To be asked after something of it was opened. @internal */
export function isStill(identity: ProcessIdentity): boolean {
  const now = readIdentity(identity.pid);
  return (
    now !== undefined &&
    now.startTime === identity.startTime &&
    now.uid === identity.uid &&
    now.gid === identity.gid &&
    now.executable === identity.executable &&
    now.isOpenToItsUser === identity.isOpenToItsUser
  );
}

/** @internal */
export function isQemuProgram(executable: string): boolean {
  return basename(executable).includes('qemu');
}

/** The id that is real, effective, saved and the file system's. */
function onlyId(status: string, name: string): number | undefined {
  const [first, ...others] = idsOf(status, name);
  return others.length === 3 && others.every((id) => id === first) ? first : undefined;
}

function idsOf(status: string, name: string): readonly number[] {
  const line = status.split('\n').find((candidate) => candidate.startsWith(`${name}:`)) ?? '';
  return line
    .slice(name.length + 1)
    .trim()
    .split('\t')
    .map(Number);
}
