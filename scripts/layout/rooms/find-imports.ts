import { posix } from 'node:path';
import { lineAt, type SourceFile } from '../source-file.ts';

/** `from '…'`, `import '…'`, `import('…')`. */
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g;

/** One place where a file names another, for its values or its types alone. */
export interface Import {
  /** As it is written. */
  readonly specifier: string;
  /** From the root of the repository; undefined for what comes from a package or from Node. */
  readonly target: string | undefined;
  /** Counted from 1. */
  readonly line: number;
}

/** All that a file of TypeScript imports and re-exports. */
export function findImports({ path, text }: SourceFile): Import[] {
  if (text === undefined || !path.endsWith('.ts')) return [];
  return Array.from(text.matchAll(IMPORT), ({ 1: specifier = '', index }) => ({
    specifier,
    target: specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined,
    line: lineAt(text, index),
  }));
}
