import { type Finding, findMatches, type SourceFile } from './source-file.ts';

/** What a newcomer reads in some minutes; the rest has pages of its own in docs/. */
const README_BYTES = 10_000;
/** In code quotes, from a folder of the repository on: `src/paging/walk/`, or with a `*`. */
const NAMED_PATH = /`((?:src|protocols|scripts|test|docs|\.ci)\/[^`\s]*)`/g;

/** Short for what is below `test/`: `live/guest/watchdog`. */
const NAMED_TEST = /`((?:unit|conformance|live|torture)\/[^`\s]*)`/g;

/** README stays short, and every path that a document names is there. */
export function checkDocuments(files: readonly SourceFile[]): Finding[] {
  const paths = files.map(({ path }) => path);
  const isDocument = (path: string): boolean => path.endsWith('.md');
  const missing = (path: string): string | undefined => (isThere(path, paths) ? undefined : `there is no ${path}`);
  return [
    ...checkSize(files),
    ...findMatches(files, NAMED_PATH, isDocument, ([, path = '']) => missing(path)),
    ...findMatches(files, NAMED_TEST, isDocument, ([, path = '']) => missing(`test/${path}`)),
  ];
}

function checkSize(files: readonly SourceFile[]): Finding[] {
  const size = Buffer.byteLength(files.find(({ path }) => path === 'README.md')?.text ?? '');
  if (size <= README_BYTES) return [];
  const problem = `has ${size} bytes, ${README_BYTES} at most: what is more belongs into a page of docs/`;
  return [{ path: 'README.md', line: 0, problem }];
}

/** A file, a folder with or without its slash, or a test without its ending; `*` and `{a,b}` as a shell takes them. */
function isThere(named: string, paths: readonly string[]): boolean {
  const pattern = named
    .replace(/\/$/, '')
    .replaceAll(/[.+?^$()|[\]\\]/g, '\\$&')
    .replaceAll('**', '\0')
    .replaceAll('*', '[^/]*')
    .replaceAll('\0', '.*')
    .replaceAll(/\{([^}]*)\}/g, (_braces, names: string) => `(?:${names.replaceAll(',', '|')})`);
  const expression = new RegExp(`^${pattern}(?:$|/|\\.test\\.ts$)`);
  return paths.some((path) => expression.test(path));
}
