import type { BrokenCopy } from '../broken-copy.ts';
import { type Bench, collectTogether } from './covering/collect-runs.ts';
import { CoveringTests } from './covering/covering-tests.ts';
import { ImportGraph } from './covering/import-graph.ts';
import { KeptRuns } from './covering/kept-runs.ts';
import type { DrawnFault } from './drawing/draw-faults.ts';
import type { FaultJudges } from './try-fault.ts';

/** Tests that draw at random are asked for less: many faults are tried. */
const ENVIRONMENT = { PAGEWALK_SEED: '1', PAGEWALK_WALKS: '12000', PAGEWALK_SPACES: '60' };
const QUICK = ['test/unit/', 'test/conformance/'];
/** Those of a second processor, of a Linux by hand, and of what is no product. */
const LEFT_OUT = /\/(?:processor|nested-processor|bochs|linux\/main|scripts|support)\/|\/(?:documents|readme)\.test/;
const LIVE = 'test/live/';
/** Of the tests without one, those that start the product by itself. */
const APART = ['cli', 'guest'];

/** Which of the tests with a guest are asked. */
export interface LiveChoice {
  /** What their names have in them. */
  readonly name: string;
  /** Of those that come by a place: they take seconds each. */
  readonly most: number;
  /** The file in which it is kept what they run, if any. */
  readonly keptIn: string | undefined;
}

/**
 * Finds out which tests come by which places of the files of these faults.
 */
export async function findJudges(
  copy: BrokenCopy,
  faults: readonly DrawnFault[],
  { name, most, keptIn }: LiveChoice,
  lanes: number,
  deadline: number,
): Promise<FaultJudges> {
  const compiled = ['src/', 'protocols/', 'test/'].flatMap((folder) => copy.files(folder));
  const imports = new ImportGraph(compiled.map((file) => [file, copy.read(file)] as const));
  const users = imports.usersOf(faults.map(({ file }) => file));
  const bench: Bench = { root: copy.root, environment: ENVIRONMENT, lanes, deadline };
  const quick = compiled.filter(
    (file) =>
      QUICK.some((folder) => file.startsWith(folder)) &&
      file.endsWith('.test.js') &&
      !LEFT_OUT.test(file) &&
      users.has(file),
  );
  const covering = new CoveringTests(copy.root, await collectTogether(bench, quick.map(fromRoot)), imports);
  if (!faults.some(({ floor }) => floor.isLive)) return { covering, environment: ENVIRONMENT, live: null };
  // Of what a test starts as a process, its imports say nothing.
  const startsProcesses = (file: string): boolean =>
    file.startsWith(LIVE) ||
    (APART.some((room) => file.startsWith(`test/unit/${room}/`)) && copy.read(file).includes('node:child_process'));
  const live = compiled.filter((file) => file.endsWith('.test.js') && file.includes(name) && startsProcesses(file));
  const runs = await new KeptRuns(keptIn, copy).collect(bench, live);
  return {
    covering,
    environment: ENVIRONMENT,
    live: { covering: new CoveringTests(copy.root, runs, imports), most },
  };
}

function fromRoot(file: string): string {
  return `dist/${file}`;
}
