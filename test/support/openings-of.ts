import { readdirSync, readlinkSync } from 'node:fs';

/** How often this process has a file open. @param file - its path as the system has it, without links */
export function openingsOf(file: string): number {
  return readdirSync('/proc/self/fd').filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === file;
    } catch {
      // That of the folder, which is closed by now.
      return false;
    }
  }).length;
}
