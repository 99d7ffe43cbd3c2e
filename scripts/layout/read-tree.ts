import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { SourceFile } from './source-file.ts';

/** What is made or fetched, not written; at the root. */
const NOT_OURS = new Set(['.git', 'node_modules', 'dist', 'coverage']);

/** All files of a repository, apart from what is generated. */
export function readTree(root: string): SourceFile[] {
  const own = readdirSync(root).filter((name) => !NOT_OURS.has(name));
  return own
    .flatMap((name) => filesBelow(join(root, name)))
    .map((file) => {
      const path = relative(root, file).replaceAll('\\', '/');
      const bytes = readFileSync(file);
      return { path, text: bytes.includes(0) ? undefined : bytes.toString('utf8') };
    });
}

function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesBelow(join(path, name)));
}
