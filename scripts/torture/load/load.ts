import { choose } from '../choose.ts';
import type { Outcome, Suite, TortureOptions } from '../scenario.ts';
import { LOAD_CASES, type LoadCase } from './load-cases.ts';

/** Runs one load, and times it. */
export async function runLoadCase({ name, usual, run }: LoadCase, count = usual): Promise<Outcome> {
  const start = performance.now();
  const problems = await run(count);
  const tookMs = performance.now() - start;
  return {
    what: `${count} × ${name}, ${(tookMs / count).toFixed(0)} ms each`,
    tags: [name],
    problems: [...new Set(problems)],
    again: `npm run torture -- load --count ${count} --named '${name}'`,
    tookMs,
  };
}

async function runLoad({ count, only, named, report }: TortureOptions): Promise<void> {
  const chosen = choose({ what: 'load', all: LOAD_CASES, nameOf: ({ name }) => name, named, only });
  for (const each of chosen) report(await runLoadCase(each, count));
}

/** The same thing very often, and very many at once. */
export const load: Suite = {
  name: 'load',
  summary: '2,000 runs in one process, 300 by the command, 50 guests at once: nothing may grow',
  run: runLoad,
};
