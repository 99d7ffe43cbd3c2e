import type { Finding, SourceFile } from './source-file.ts';

const KEBAB = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)*$/;
/** Names that tools and people look for as they are. */
const CONVENTIONAL = new Set(['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'LICENSE']);
/** What is recorded from a QEMU is named after that QEMU's files. */
const RECORDED = /^test\/support\/fixtures\//;
/** A name that says nothing attracts everything. */
const DUMPING_GROUNDS = new Set(['util.ts', 'utils.ts', 'types.ts', 'helpers.ts', 'common.ts', 'misc.ts']);

/** Names are kebab-case and say something, and no two differ by case alone (some file systems cannot hold both). */
export function checkFileNames(files: readonly SourceFile[]): Finding[] {
  const lowerCase = new Map<string, string>();
  return files.flatMap(({ path }) => {
    const problems = [judgeName(path), judgeTwin(path, lowerCase)];
    return problems.flatMap((problem) => (problem === undefined ? [] : [{ path, line: 0, problem }]));
  });
}

function judgeName(path: string): string | undefined {
  const parts = path.split('/').filter((part) => !part.startsWith('.'));
  const name = parts.at(-1) ?? '';
  if (DUMPING_GROUNDS.has(name)) return `${name} says nothing: name the file after what it exports`;
  if (RECORDED.test(path)) return undefined;
  const odd = parts.find((part) => !KEBAB.test(part) && !CONVENTIONAL.has(part));
  return odd === undefined ? undefined : `"${odd}" is not kebab-case`;
}

function judgeTwin(path: string, seen: Map<string, string>): string | undefined {
  const twin = seen.get(path.toLowerCase());
  seen.set(path.toLowerCase(), path);
  return twin === undefined ? undefined : `differs from ${twin} by case alone`;
}
