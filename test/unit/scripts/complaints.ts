import { checkTree } from '../../../scripts/layout/check-tree.ts';
import type { SourceFile } from '../../../scripts/layout/source-file.ts';

/** `path:line problem` of everything that is found in a tree of these files. */
export function complaints(tree: Readonly<Record<string, string | undefined>>): string[] {
  const files: SourceFile[] = Object.entries(tree).map(([path, text]) => ({ path, text }));
  return checkTree(files).map(({ path, line, problem }) => `${path}:${line} ${problem}`);
}

/** A file with one import, in its second line. */
export function importing(specifier: string): string {
  return `// first line\nimport { thing } from '${specifier}';\nthing();\n`;
}
