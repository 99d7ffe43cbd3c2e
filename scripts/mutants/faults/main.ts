import { parseArgs } from 'node:util';
import { Random } from '../../bench/guests/random.ts';
import { BrokenCopy } from '../broken-copy.ts';
import { TimeOverError } from './covering/collect-runs.ts';
import { ChangedLines } from './drawing/changed-lines.ts';
import { type Drawn, type DrawnFault, drawFaults } from './drawing/draw-faults.ts';
import { FAULT_FLOORS } from './drawing/layers.ts';
import { staleEntries } from './equivalent/equivalent-faults.ts';
import { countByLayer, describeTried, formatTable, holdsFloor, mayHoldFloor } from './fault-table.ts';
import { findJudges } from './judges.ts';
import { type FaultJudges, type TriedFault, tryFault } from './try-fault.ts';

const usage = `usage: node dist/scripts/mutants/faults/main.js [options]
Puts random single faults into the compiled product, one at a time, and runs the tests that come by the place.
Faults that change nothing are not drawn: scripts/mutants/faults/equivalent/ lists them.

  --faults N     in each layer (default 24)
  --seed S       of what is drawn (default 1)
  --minutes M    no further fault is tried then (default 20; finding out which tests come by is a part of it)
  --layer NAMES  only these layers (a,b,…)
  --file TEXT    only files whose name has this in it
  --live TEXT    of the tests with a guest, which judge guest and cli, only files whose name has this in it
  --most N       of the tests with a guest that come by a place, so many are asked, the quickest first (default 4)
  --kept FILE    what the tests with a guest run is kept there, and not found out again as long as the product stays the same
  --since REF    only lines that differ from this commit's; a floor is missed then only by more than chance can do
`;

/** As many as the machine of the gate has processors. */
const LANES = 2;

const { values } = parseArgs({
  options: {
    faults: { type: 'string', default: '24' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '20' },
    layer: { type: 'string' },
    file: { type: 'string', default: '' },
    live: { type: 'string', default: '' },
    most: { type: 'string', default: '4' },
    kept: { type: 'string' },
    since: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What is drawn of each layer. */
function draw(copy: BrokenCopy): readonly Drawn[] {
  const changed = values.since === undefined ? null : new ChangedLines(process.cwd(), values.since);
  const random = new Random(Number(values.seed));
  return FAULT_FLOORS.filter(({ layer }) => values.layer?.split(',').includes(layer) ?? true).map((floor) => {
    const files = copy.files(floor.folder).filter((file) => file.endsWith('.js') && file.includes(values.file));
    const sources = files.map((file) => [file, copy.read(file)] as const);
    return drawFaults(random, floor, sources, Number(values.faults), changed);
  });
}

/** One after the other, in each copy. */
async function tryAll(
  copies: readonly BrokenCopy[],
  judges: FaultJudges,
  faults: readonly DrawnFault[],
  deadline: number,
): Promise<TriedFault[]> {
  const waiting = [...faults];
  const tried: TriedFault[] = [];
  const lanes = copies.map(async (copy) => {
    while (performance.now() < deadline) {
      const drawn = waiting.shift();
      if (drawn === undefined) return;
      const each = await tryFault(copy, judges, drawn);
      tried.push(each);
      if (!['noticed', 'no end', 'no program'].includes(each.verdict)) print(describeTried(each));
    }
  });
  await Promise.all(lanes);
  return tried;
}

/** @returns whether every floor is held */
function report(tried: readonly TriedFault[], equivalent: number): boolean {
  const counts = countByLayer(tried);
  print(formatTable(counts));
  const others = tried.length - counts.reduce((sum, { noticed, missed }) => sum + noticed + missed, 0);
  print(
    `${tried.length} faults tried, ${others} of them are no program or could not be judged; ${equivalent} that change nothing were drawn besides`,
  );
  const missed = counts.filter((count) => !(values.since === undefined ? holdsFloor : mayHoldFloor)(count));
  for (const { layer, percent } of missed) print(`${layer}: fewer faults are noticed than ${percent} %`);
  return missed.length === 0;
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const deadline = performance.now() + Number(values.minutes) * 60_000;
  const copies = Array.from({ length: LANES }, () => new BrokenCopy());
  try {
    const [first] = copies as [BrokenCopy];
    const stale = staleEntries((file) => first.read(file));
    for (const entry of stale) print(entry);
    const drawn = draw(first);
    const faults = drawn.flatMap((each) => each.faults);
    // Where the time is over before all are tried, each layer has had some.
    new Random(Number(values.seed)).shuffle(faults);
    if (faults.length === 0) {
      print('no line of these layers has changed: there is nothing to judge');
      return stale.length === 0 ? 0 : 1;
    }
    const judges = await findJudges(
      first,
      faults,
      { name: values.live, most: Number(values.most), keptIn: values.kept },
      LANES,
      deadline,
    );
    for (const test of [...judges.covering.leftOut, ...(judges.live?.covering.leftOut ?? [])]) {
      print(`left out, as it fails without any fault: ${test}`);
    }
    const tried = await tryAll(copies, judges, faults, deadline);
    if (tried.length < faults.length) print(`the time was over before ${faults.length - tried.length} were tried`);
    const isHeld = report(
      tried,
      drawn.reduce((sum, each) => sum + each.equivalent, 0),
    );
    return isHeld && stale.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof TimeOverError)) throw error;
    print('the time was over before it was known which tests come by: nothing was judged');
    return 0;
  } finally {
    for (const copy of copies) copy[Symbol.dispose]();
  }
}

process.exitCode = await main();
