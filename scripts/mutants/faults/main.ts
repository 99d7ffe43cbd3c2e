import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../../bench/guests/random.ts';
import { BrokenCopy } from '../broken-copy.ts';
import { runProgram } from '../run-program.ts';
import { CoveringTests } from './covering-tests.ts';
import { type Fault, findFaults, lineAt, withFault } from './find-faults.ts';
import { isHarmless } from './harmless-faults.ts';
import { FAULT_FLOORS, type FaultFloor } from './layers.ts';

const usage = `usage: node dist/scripts/mutants/faults/main.js [options]
Puts random single faults into the compiled product, one at a time, and runs the tests that come by the place.

  --faults N     in each layer (default 24)
  --seed S       of what is drawn (default 1)
  --minutes M    no further fault is tried then (default 20)
  --layer NAME   only this layer
  --since REF    only files that differ from this commit's
`;

/** As many as the machine of the gate has processors. */
const LANES = 2;
/** A fault can make a loop endless. */
const TIMEOUT_MS = 60_000;
/** Tests that draw at random are asked for less: many faults are tried. */
const ENVIRONMENT = { PAGEWALK_SEED: '1', PAGEWALK_WALKS: '12000', PAGEWALK_SPACES: '60' };
/** Those of a guest, of a second processor, or of what is no product. */
const LEFT_OUT = /\/(?:processor|nested-processor|bochs|scripts|support)\/|documents\.test/;

const { values } = parseArgs({
  options: {
    faults: { type: 'string', default: '24' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '20' },
    layer: { type: 'string' },
    since: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

interface Drawn {
  readonly floor: FaultFloor;
  readonly file: string;
  readonly fault: Fault;
  /** Of the file, without it. */
  readonly source: string;
}

interface Tried extends Drawn {
  readonly verdict: 'noticed' | 'not noticed' | 'no test comes by' | 'harmless' | 'no program';
}

function filesBelow(folder: string, suffix: string): string[] {
  return readdirSync(join('dist', folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(suffix))
    .map((name) => `${folder}${name}`)
    .sort();
}

/** Sources that a commit does not have as they are, as the compiler names their output. */
function changedFiles(since: string): ReadonlySet<string> {
  const { stdout, status, stderr } = spawnSync('git', ['diff', '--name-only', since, '--', 'src', 'protocols'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`git does not know ${since}: ${stderr}`);
  return new Set(stdout.split('\n').map((name) => name.replace(/\.ts$/, '.js')));
}

function drawable(floor: FaultFloor, file: string, source: string): Drawn[] {
  return findFaults(source).map((fault) => ({ floor, file, fault, source }));
}

function draw(random: Random, copy: BrokenCopy): Drawn[] {
  const changed = values.since === undefined ? null : changedFiles(values.since);
  const layers = FAULT_FLOORS.filter(({ layer }) => values.layer === undefined || layer === values.layer);
  return layers.flatMap((floor) => {
    const all = filesBelow(floor.folder, '.js')
      .filter((file) => changed === null || changed.has(file))
      .flatMap((file) => drawable(floor, file, copy.read(file)));
    const drawn: Drawn[] = [];
    while (drawn.length < Number(values.faults) && all.length > 0) {
      drawn.push(...all.splice(random.below(all.length), 1));
    }
    return drawn;
  });
}

async function tryFault(copy: BrokenCopy, covering: CoveringTests, drawn: Drawn): Promise<Tried> {
  const { file, fault, source } = drawn;
  if (isHarmless(file, source, fault)) return { ...drawn, verdict: 'harmless' };
  const tests = covering.of(file, fault.start);
  if (tests.length === 0) return { ...drawn, verdict: 'no test comes by' };
  return copy.with(file, withFault(source, fault), async (root) => {
    const parsed = await runProgram(root, ['--check', `dist/${file}`], {}, TIMEOUT_MS);
    if (parsed.code !== 0) return { ...drawn, verdict: 'no program' };
    const args = ['node_modules/.bin/mocha', '--bail', '--reporter', 'dot', ...tests];
    const { code } = await runProgram(root, args, ENVIRONMENT, TIMEOUT_MS);
    return { ...drawn, verdict: code === 0 ? 'not noticed' : 'noticed' };
  });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function describe({ file, fault, verdict, source }: Tried): string {
  const from = source.slice(fault.start, fault.end).trim();
  const where = `${file}:${source.slice(0, fault.start).split('\n').length}`;
  return `${verdict}: ${where}: ${fault.kind} ${JSON.stringify(from)} → ${JSON.stringify(fault.replacement)} in: ${lineAt(source, fault.start).trim()}`;
}

function isNoFault(verdict: Tried['verdict']): boolean {
  return verdict === 'harmless' || verdict === 'no program';
}

/** @returns whether every floor is held */
function report(tried: readonly Tried[]): boolean {
  print('| layer | faults | noticed | harmless | per cent of the others | floor |\n|---|---|---|---|---|---|');
  const rows = FAULT_FLOORS.flatMap(({ layer, percent }) => {
    const inLayer = tried.filter(({ floor }) => floor.layer === layer);
    const harmless = inLayer.filter(({ verdict }) => isNoFault(verdict)).length;
    const noticed = inLayer.filter(({ verdict }) => verdict === 'noticed').length;
    const counted = inLayer.length - harmless;
    if (counted === 0) return [];
    const reached = (100 * noticed) / counted;
    print(`| ${layer} | ${inLayer.length} | ${noticed} | ${harmless} | ${reached.toFixed(0)} | ${percent} |`);
    return [reached >= percent];
  });
  for (const each of tried) if (each.verdict !== 'noticed' && !isNoFault(each.verdict)) print(describe(each));
  return rows.every((isHeld) => isHeld);
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const deadline = performance.now() + Number(values.minutes) * 60_000;
  const tests = ['test/unit/', 'test/conformance/'].flatMap((folder) => filesBelow(folder, '.test.js'));
  const copies = Array.from({ length: LANES }, () => new BrokenCopy());
  try {
    const [first] = copies as [BrokenCopy];
    const waiting = draw(new Random(Number(values.seed)), first);
    if (waiting.length === 0) {
      print('no file of these layers has changed');
      return 0;
    }
    const chosen = tests.filter((test) => !LEFT_OUT.test(test)).map((test) => `dist/${test}`);
    const covering = await CoveringTests.collect(first.root, chosen, LANES, ENVIRONMENT);
    const tried: Tried[] = [];
    await Promise.all(
      copies.map(async (copy) => {
        for (let drawn = waiting.shift(); drawn !== undefined; drawn = waiting.shift()) {
          if (performance.now() > deadline) return;
          tried.push(await tryFault(copy, covering, drawn));
        }
      }),
    );
    print(`seed ${values.seed}: ${tried.length} faults tried, ${waiting.length} left when the time was over`);
    return report(tried) ? 0 : 1;
  } finally {
    for (const copy of copies) copy[Symbol.dispose]();
  }
}

process.exitCode = await main();
