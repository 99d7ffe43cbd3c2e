import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { SourceFile } from './source-file.ts';

/** What is made or fetched, not written. */
const NOT_OURS = new Set(['.git', 'node_modules', 'dist', 'coverage']);

/** All files of a repository, apart from what is generated. */
export function readTree(root: string): SourceFile[] {
  return filesBelow(root).map((file) => {
    const path = relative(root, file).replaceAll('\\', '/');
    const bytes = readFileSync(file);
    return { path, text: bytes.includes(0) ? undefined : bytes.toString('utf8') };
  });
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => !NOT_OURS.has(name))
    .map((name) => join(directory, name))
    .flatMap((path) => (statSync(path).isDirectory() ? filesBelow(path) : [path]));
}
