/** One file of the tree. */
export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  /** Undefined for what is no text. */
  readonly text: string | undefined;
}

/** Something that breaks a rule. */
export interface Finding {
  readonly path: string;
  /** Counted from 1; 0 when it is the file as a whole. */
  readonly line: number;
  /** What is wrong, and where it belongs. */
  readonly problem: string;
}

/** A rule looks at the tree and says what breaks it. */
export type Rule = (files: readonly SourceFile[]) => Finding[];

/** Every match of a pattern (with the flag `g`) in the files that `applies` picks. */
export function findMatches(
  files: readonly SourceFile[],
  pattern: RegExp,
  applies: (path: string) => boolean,
  problem: (match: RegExpExecArray, path: string) => string | undefined,
): Finding[] {
  return files.flatMap(({ path, text }) => {
    if (text === undefined || !applies(path)) return [];
    return [...text.matchAll(pattern)].flatMap((match) => {
      const what = problem(match, path);
      return what === undefined ? [] : [{ path, line: lineAt(text, match.index), problem: what }];
    });
  });
}

/** Counted from 1. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
