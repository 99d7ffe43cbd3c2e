import { readFileSync } from 'node:fs';

/** One process, and no later one that has got its number. @internal */
export interface ProcessLife {
  readonly pid: number;
  /** In clock ticks since the boot (proc(5), stat, field 22); null where the system has no /proc. */
  readonly startTime: string | null;
}

/** @returns null when there is no such process, or the system does not show when it started @internal */
export function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may have spaces and parentheses itself; the fields after it have none.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

/** @internal */
export function lifeOf(pid: number): ProcessLife {
  return { pid, startTime: startTimeOf(pid) };
}

/** Whether that process is still there. @internal */
export function isAlive({ pid, startTime }: ProcessLife): boolean {
  if (startTime !== null) return startTimeOf(pid) === startTime;
  // Null for a process that has no entry in /proc, and on systems that have no /proc.
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
