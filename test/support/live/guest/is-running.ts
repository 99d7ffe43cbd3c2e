import { readFileSync } from 'node:fs';

/** Whether a process runs. One that is dead, but not collected by its parent yet, does not. */
export function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
