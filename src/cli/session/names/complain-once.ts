import type { CliContext } from '../../options/command.ts';

/** What was said already of each Linux. */
const told = new WeakMap<object, Set<string>>();

/** Says what is lacking of a Linux: each sentence once, whatever asks and however often. @internal */
export function complainOnce(
  linux: object,
  sentences: Iterable<string>,
  { complain }: Pick<CliContext, 'complain'>,
): void {
  const before = told.get(linux) ?? new Set();
  told.set(linux, before);
  for (const sentence of sentences) {
    if (!before.has(sentence)) complain(`pagewalk: ${sentence}`);
    before.add(sentence);
  }
}
