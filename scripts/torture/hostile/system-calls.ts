import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const TRACED =
  'open,openat,openat2,creat,unlink,unlinkat,rename,renameat,renameat2,chown,fchownat,lchown,chmod,fchmodat,truncate,connect,link,linkat';

/** Where a program is, if this host has it. */
export function findProgram(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find(existsSync);
}

/** How to run a program so that its calls go to a file; empty where this host has no strace: then less can be said. */
export function tracedInto(file: string): readonly string[] {
  const strace = findProgram('strace');
  return strace === undefined ? [] : [strace, '-f', '-qq', '-s', '4096', '-e', `trace=${TRACED}`, '-o', file];
}

/** The calls in such a file that name a path, but for opening it to look at it alone (O_PATH). */
export function callsNaming(file: string, path: string): readonly string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'latin1')
    .split('\n')
    .filter((line) => line.includes(path) && !line.includes('O_PATH'))
    .map((line) => line.replace(/^\d+ +/, '').slice(0, 200));
}
