import { lstatSync, mkdirSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where compiled code may be kept from run to run. What lies there is run: it is a directory of this user alone, below others that are.
 * (Node's own choice is one in the folder for temporary files, where anyone may be first.)
 *
 * @returns undefined where there is none
 * @internal
 */
export function compiledCodeDirectory({ XDG_CACHE_HOME = '', HOME = '' }: Environment): string | undefined {
  const root = isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(HOME, '.cache');
  if (!isAbsolute(root)) return undefined;
  const directory = join(root, 'pagewalk');
  try {
    if (![dirname(root), root].every(isOursAlone)) return undefined;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return isOursAlone(directory) ? directory : undefined;
  } catch {
    return undefined;
  }
}

function isOursAlone(path: string): boolean {
  const stat = lstatSync(path);
  return stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0;
}
