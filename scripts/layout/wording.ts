import { type Finding, findMatches, type SourceFile } from './source-file.ts';

interface Wording {
  readonly pattern: RegExp;
  readonly problem: (found: string) => string;
}

const WORDINGS: readonly Wording[] = [
  {
    // In comments, and headings and lists of documents.
    pattern: /(?<=(?:\/\/|[*;#])[^\n]*)\b(?:TO[D]O|FIX[M]E)\b(?!\(#\d+\))/g,
    problem: (found) => `${found} names no issue: ${found}(#12)`,
  },
  {
    // Somebody's machine, and nobody else's.
    pattern: /(?<![\w.$}-])\/(?:home|root|work|Users)\/\w+/g,
    problem: (found) => `${found} is a path of one machine`,
  },
  {
    // Where packages come from is the reader's own setting.
    pattern: /\bhttps?:\/\/(?:registry\.|localhost|127\.|10\.|192\.168\.)[^\s"')]*/g,
    problem: (found) => `${found} is an address of one network, or a registry`,
  },
];

/** What must not be in any text of this repository. */
export function checkWording(files: readonly SourceFile[]): Finding[] {
  return WORDINGS.flatMap(({ pattern, problem }) =>
    findMatches(
      files,
      pattern,
      () => true,
      ([found]) => problem(found),
    ),
  );
}
