import type { Finding, SourceFile } from './source-file.ts';

const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
const RE_EXPORT = /export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s*from\s*'[^']+';/g;

/** An index.ts or internal.ts re-exports and does nothing else: importing it runs no code of its own. */
export function checkIndexFiles(files: readonly SourceFile[]): Finding[] {
  return files.flatMap(({ path, text }) => {
    if (text === undefined || !/(?:^|\/)(?:index|internal)\.ts$/.test(path)) return [];
    const rest = text.replaceAll(COMMENT, '').replaceAll(RE_EXPORT, '').trim();
    if (rest === '' || rest === 'export {};') return [];
    return [{ path, line: 0, problem: `does more than re-export: ${rest.split('\n', 1)[0]}` }];
  });
}
