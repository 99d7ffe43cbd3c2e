import { ExpectationError } from '../errors.ts';

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

/** @internal */
export function makeVerdict(pass: boolean, subject: string, expected: string, found: string, shown: string): Verdict {
  return {
    pass,
    expected,
    message: `expected ${subject} ${expected}, but ${found}\n\n${shown}`,
    negatedMessage: `expected ${subject} not ${expected}, but ${found}\n\n${shown}`,
  };
}
