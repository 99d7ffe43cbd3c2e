import { foldLines, LEAST_COLUMNS } from '../../report/internal.ts';
import { ExpectationError } from '../errors.ts';

/** Jest sets messages in by four. */
const TERMINAL_COLUMNS = LEAST_COLUMNS - 4;

/** How an expectation came out. @internal */
export interface Verdict {
  readonly pass: boolean;
  /** What was expected, in words: `to fault with PRIVILEGE_VIOLATION at the PTE`. */
  readonly expected: string;
  /** What is to be said where it fails: the first line, and what shows it. */
  readonly message: string;
  /** What is to be said where the opposite was expected. */
  readonly negatedMessage: string;
}

/** @throws ExpectationError `ERR_TESTING_EXPECTATION` unless it has come out so. @internal */
export function requirePass({ pass, message, expected }: Verdict): void {
  if (!pass) throw new ExpectationError(message, expected);
}

/** What a runner puts in front of a message: `     ExpectationError: `. */
const FRONT_COLUMNS = 23;

/**
 * @param subject - what is judged
 * @param expected - of it, in words
 * @param negated - the opposite, in words
 * @param shown - what shows it
 * @internal
 */
export function makeVerdict(
  pass: boolean,
  { subject, expected, negated = `not ${expected}`, found, shown }: Judged,
): Verdict {
  const message = (words: string) => `${foldSentence(subject, words, found)}\n\n${foldForTerminal(shown)}`;
  return { pass, expected, message: message(expected), negatedMessage: message(negated) };
}

/** What was judged, and how it came out. @internal */
export interface Judged {
  readonly subject: string;
  readonly expected: string;
  readonly negated?: string;
  readonly found: string;
  readonly shown: string;
}

/** Lines that a terminal need not break, whatever runner shows them. @internal */
export function foldForTerminal(text: string): string {
  return foldLines(text, TERMINAL_COLUMNS);
}

function foldSentence(subject: string, expected: string, found: string): string {
  const first = `expected ${subject} ${expected},`;
  const fits = FRONT_COLUMNS + first.length <= LEAST_COLUMNS;
  return foldForTerminal(`${fits ? first : `expected ${subject}\n${expected},`}\nbut ${found}`);
}
