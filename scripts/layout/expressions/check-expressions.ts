import { type Finding, findMatches, lineAt, type SourceFile } from '../source-file.ts';
import { findExpressions } from './find-expressions.ts';
import { judgeExpression } from './judge-expression.ts';

/** What reads texts that a peer or a file sends. */
const READS_FOREIGN_TEXT = /^(?:protocols|src\/guest|src\/dump|src\/cli\/io)\/.*\.ts$/;

/**
 * A text from outside must not make a regular expression slow, which holds the guest up: wherever such texts are read, expressions
 * are of a form that takes linear time on any text, and are literals, as others cannot be judged.
 */
export function checkExpressions(files: readonly SourceFile[]): Finding[] {
  const applies = (path: string): boolean => READS_FOREIGN_TEXT.test(path);
  const judged = files.flatMap(({ path, text }) => {
    if (text === undefined || !applies(path)) return [];
    return findExpressions(text).flatMap(({ pattern, flags, index }) => {
      const problem = judgeExpression(pattern, flags);
      if (problem === undefined) return [];
      return [{ path, line: lineAt(text, index), problem: `/${pattern}/${flags} may not be linear: ${problem}` }];
    });
  });
  const made = findMatches(
    files,
    /\bRegExp\(/g,
    applies,
    () => 'a regular expression that is put together cannot be judged',
  );
  return [...judged, ...made];
}
