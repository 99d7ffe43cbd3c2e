import type { BrokenCopy } from '../broken-copy.ts';
import { runProgram } from '../run-program.ts';
import type { CoveringTests } from './covering/covering-tests.ts';
import type { DrawnFault } from './drawing/draw-faults.ts';
import { withFault } from './drawing/find-faults.ts';

export type Verdict =
  | 'noticed'
  /** The tests do not come to an end with it, and do without. */
  | 'no end'
  | 'not noticed'
  | 'no test comes by'
  | 'no program'
  /** The tests fail without it, too: the machine is too busy. */
  | 'not judged';

export interface TriedFault extends DrawnFault {
  readonly verdict: Verdict;
}

/** Who judges. */
export interface FaultJudges {
  readonly covering: CoveringTests;
  readonly environment: Readonly<Record<string, string>>;
  /** Tests with a guest: only some of those that come by a place are asked, as each takes seconds. */
  readonly live: { readonly covering: CoveringTests; readonly most: number } | null;
}

/** The quickest tests notice most: the others are not even loaded then. */
const FIRST = 6;
const MOCHA = ['node_modules/.bin/mocha', '--bail', '--reporter', 'dot'];
/** A loop without end may also take memory without end. */
const BOUND = { NODE_OPTIONS: '--max-old-space-size=1024' };

/** Puts a fault into a copy, and asks its tests; those that fail are asked without it, too, as a machine may be too busy for them. */
export async function tryFault(copy: BrokenCopy, judges: FaultJudges, drawn: DrawnFault): Promise<TriedFault> {
  const { floor, file, fault, source } = drawn;
  const text = withFault(source, fault);
  const isProgram = await copy.with(file, text, async (root) => {
    const { code } = await runProgram(root, ['--check', `dist/${file}`], {}, 60_000);
    return code === 0;
  });
  if (!isProgram) return { ...drawn, verdict: 'no program' };
  const place = placeOf(drawn);
  const quick = judges.covering.of(file, place);
  const live = floor.isLive ? (judges.live?.covering.of(file, place).slice(0, judges.live.most) ?? []) : [];
  if (quick.length + live.length === 0) return { ...drawn, verdict: 'no test comes by' };
  for (const tests of [quick.slice(0, FIRST), quick.slice(FIRST), ...live.map((test) => [test])]) {
    if (tests.length === 0) continue;
    const isLive = live.includes(tests[0] ?? '');
    const verdict = await ask(copy, judges, drawn, tests, isLive);
    if (verdict !== 'not noticed') return { ...drawn, verdict };
  }
  return { ...drawn, verdict: 'not noticed' };
}

/** What stands behind `&&`, `||` and `??` runs by itself, and seldom; with them changes what stands before. */
function placeOf({ fault, source }: DrawnFault): number {
  const before = source.slice(0, fault.start).trimEnd().length - 1;
  return fault.kind === 'logic' && fault.replacement !== '' ? before : fault.start;
}

async function ask(
  copy: BrokenCopy,
  { covering, live, environment }: FaultJudges,
  { file, fault, source }: DrawnFault,
  tests: readonly string[],
  isLive: boolean,
): Promise<Verdict> {
  const msOf = (test: string): number => (isLive ? live?.covering : covering)?.msOf(test) ?? 0;
  // A fault can make a loop endless. Tests that fail have a limit of their own, and so has each of theirs.
  const limitMs = 30_000 + 5 * tests.reduce((sum, test) => sum + msOf(test), 0);
  const run = (text: string) =>
    copy.with(file, text, (root) => runProgram(root, [...MOCHA, ...tests], { ...environment, ...BOUND }, limitMs));
  const { code, timedOut } = await run(withFault(source, fault));
  if (code === 0) return 'not noticed';
  const good = await run(source);
  if (good.code !== 0) return 'not judged';
  return timedOut ? 'no end' : 'noticed';
}
