import type { BrokenCopy } from '../broken-copy.ts';
import { type Bench, collectApart, collectTogether } from './covering/collect-runs.ts';
import { CoveringTests } from './covering/covering-tests.ts';
import { ImportGraph } from './covering/import-graph.ts';
import type { DrawnFault } from './drawing/draw-faults.ts';
import type { FaultJudges } from './try-fault.ts';

/** Tests that draw at random are asked for less: many faults are tried. */
const ENVIRONMENT = { PAGEWALK_SEED: '1', PAGEWALK_WALKS: '12000', PAGEWALK_SPACES: '60' };
const QUICK = ['test/unit/', 'test/conformance/'];
/** Those of a second processor, of a Linux by hand, and of what is no product. */
const LEFT_OUT = /\/(?:processor|nested-processor|bochs|linux\/main|scripts|support)\/|\/(?:documents|readme)\.test/;
/** Those in which a guest is asked by the product. What the kit, a browser or another host does is no judge of these layers. */
const LIVE = ['cli', 'device-state', 'guest', 'left-as-found', 'nested', 'peer', 'protocols', 'reach'];
/** Of the live tests that come by a place: they take seconds each. */
const MOST_LIVE = 4;

/**
 * Finds out which tests come by which places of the files of these faults.
 *
 * @param liveName - what the name of a test with a guest has in it
 */
export async function findJudges(
  copy: BrokenCopy,
  faults: readonly DrawnFault[],
  liveName: string,
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
  const live = compiled.filter(
    (file) =>
      LIVE.some((room) => file.startsWith(`test/live/${room}/`)) &&
      file.endsWith('.test.js') &&
      file.includes(liveName),
  );
  const runs = await collectApart(bench, live.map(fromRoot));
  return {
    covering,
    environment: ENVIRONMENT,
    live: { covering: new CoveringTests(copy.root, runs, imports), most: MOST_LIVE },
  };
}

function fromRoot(file: string): string {
  return `dist/${file}`;
}
