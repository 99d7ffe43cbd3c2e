import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join } from 'node:path';

/** Lines of compiled files whose source a commit does not have as it is. */
export class ChangedLines {
  /** By source, from the root: lines, from 1. */
  readonly #lines: ReadonlyMap<string, ReadonlySet<number>>;
  readonly #root: string;

  /** @param root - of the built project, which is a clone that has the commit */
  constructor(root: string, since: string) {
    const args = ['diff', '--unified=0', '--no-color', '--no-ext-diff', since, '--', 'src', 'protocols'];
    const { stdout, stderr, status } = spawnSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 });
    if (status !== 0) throw new RangeError(`git cannot compare with ${since}: ${stderr.trim()}`);
    this.#lines = linesOfDiff(stdout);
    this.#root = root;
  }

  /** Whether a place of a compiled file is in such a line. */
  of(file: string): (compiledLine: number, column: number) => boolean {
    const source = file.replace(/\.js$/, '.ts');
    const lines = [source, `${source}x`].map((name) => this.#lines.get(name)).find((known) => known !== undefined);
    const path = join(this.#root, 'dist', `${file}.map`);
    if (lines === undefined || !existsSync(path)) return () => false;
    const map = new SourceMap(JSON.parse(readFileSync(path, 'utf8')));
    return (compiledLine, column) => {
      const entry = map.findEntry(compiledLine, column);
      return 'originalLine' in entry && lines.has(entry.originalLine + 1);
    };
  }
}

/** The lines that a diff without context adds, by file. */
export function linesOfDiff(diff: string): Map<string, Set<number>> {
  const lines = new Map<string, Set<number>>();
  let current = new Set<number>();
  for (const line of diff.split('\n')) {
    if (line.startsWith('+++ b/')) {
      current = new Set();
      lines.set(line.slice('+++ b/'.length), current);
    }
    const [, first, count = '1'] = /^@@ -\S+ \+(\d+)(?:,(\d+))? @@/.exec(line) ?? [];
    for (let at = 0; first !== undefined && at < Number(count); at += 1) current.add(Number(first) + at);
  }
  return lines;
}
