import { posix } from 'node:path';
import type { Finding, SourceFile } from '../source-file.ts';

/** As many names as a reader takes in at a glance. */
const MOST_FILES = 14;

/** Folders that may hold more, each with the reason. There is none, and a new one needs a reason that a room does not remove. */
const EXCEPTIONS: Readonly<Record<string, string>> = {};

/** A folder holds a few files, apart from folders in it. */
export function checkRoomSize(files: readonly SourceFile[]): Finding[] {
  const counts = new Map<string, number>();
  for (const { path } of files) {
    const folder = posix.dirname(path);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts].flatMap(([path, count]) => {
    if (count <= MOST_FILES || Object.hasOwn(EXCEPTIONS, path)) return [];
    return [
      {
        path,
        line: 0,
        problem: `holds ${count} files, and ${MOST_FILES} at most: make a room of those with one subject`,
      },
    ];
  });
}
