import type { HvControlProblem } from '../../abi/index.ts';
import { formatHex } from '../words/format-hex.ts';
import type { Sentences } from '../words/sentences.ts';

const PROBLEMS: Sentences<HvControlProblem> = {
  'too-wide': () => 'control flags have 64 bits',
  'unknown-flags': ({ flags }) => `unknown control flags: ${formatHex(flags)}`,
  'nothing-to-validate': () => 'none of VALIDATE_READ, VALIDATE_WRITE and VALIDATE_EXECUTE is set',
};

/** What is wrong with control flags, as a sentence without its full stop. @public */
export function formatHvControlProblem<Code extends HvControlProblem['code']>(
  problem: Extract<HvControlProblem, { readonly code: Code }>,
): string {
  const sentence: (problem: Extract<HvControlProblem, { readonly code: Code }>) => string =
    PROBLEMS[problem.code as Code];
  return sentence(problem);
}
