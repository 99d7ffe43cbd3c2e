import { posix } from 'node:path';
import type { Finding, SourceFile } from '../source-file.ts';

const SOURCE = /^(?:src|protocols)\/(.+)\.ts$/;
const UNIT_TEST = /^test\/unit\/(.+)\.test\.ts$/;

/** The unit test of a file lies where the file does: `src/paging/walk/walk.ts`, `test/unit/paging/walk/walk.test.ts`. */
export function checkMirroredTests(files: readonly SourceFile[]): Finding[] {
  const sources = new Map<string, string[]>();
  for (const { path } of files) {
    const source = SOURCE.exec(path)?.[1];
    if (source === undefined) continue;
    const known = sources.get(keyOf(source));
    if (known === undefined) sources.set(keyOf(source), [source]);
    else known.push(source);
  }
  return files.flatMap(({ path }) => {
    const tested = UNIT_TEST.exec(path)?.[1];
    const candidates = tested === undefined ? undefined : sources.get(keyOf(tested));
    if (tested === undefined || candidates === undefined || candidates.includes(tested)) return [];
    const places = candidates.map((source) => `test/unit/${source}.test.ts`);
    return [{ path, line: 0, problem: `tests are where what they test is: ${places.join(' or ')}` }];
  });
}

/** The layer and the name, without the rooms between. */
function keyOf(path: string): string {
  return `${path.split('/', 1)[0]} ${posix.basename(path)}`;
}
