import { readdirSync, readlinkSync } from 'node:fs';

/** What of this process's open descriptors lies at a path or below it: there should be none that were forgotten. */
export function openBelow(...paths: readonly string[]): string[] {
  return readdirSync('/proc/self/fd').flatMap((name) => {
    const target = targetOf(`/proc/self/fd/${name}`);
    return paths.some((path) => target === path || target.startsWith(`${path}/`)) ? [target] : [];
  });
}

/** The descriptor by which they are listed is closed by then. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}
