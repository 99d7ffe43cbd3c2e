import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ProgramEnd, runProgram } from '../../run-program.ts';
import type { Range, RunOfFile, RunOfTest } from './run-of-test.ts';

const MOCHA = 'node_modules/.bin/mocha';
const REPORTER = 'dist/scripts/mutants/faults/covering/coverage-reporter.js';
/** Counting makes loops three to six times slower, and a limit of a test's own says nothing then. */
const ARGS = [MOCHA, '--timeout', '0', '--reporter'];

/** Where tests are run. */
export interface Bench {
  /** Of a copy of the project. */
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly lanes: number;
  /** By performance.now(). */
  readonly deadline: number;
}

/** The deadline came before it was known which tests come by which places. */
export class TimeOverError extends Error {
  override readonly name = 'TimeOverError';
}

/** What Node writes of a process. */
interface ProcessCoverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly Range[] }[];
  }[];
}

async function run(
  { root, environment, deadline }: Bench,
  args: readonly string[],
  more: Record<string, string>,
): Promise<ProgramEnd> {
  const leftMs = deadline - performance.now();
  const end = leftMs <= 0 ? undefined : await runProgram(root, args, { ...environment, ...more }, leftMs);
  if (end === undefined || end.timedOut) throw new TimeOverError();
  return end;
}

async function inDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'pagewalk-coverage-'));
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs tests that start no other process: many test files in each of a few processes. */
export function collectTogether(bench: Bench, tests: readonly string[]): Promise<RunOfTest[]> {
  return inDirectory(async (directory) => {
    const lanes = Array.from({ length: Math.min(bench.lanes, tests.length) }, async (_, lane, all = bench.lanes) => {
      const own = tests.filter((_test, at) => at % all === lane);
      const file = join(directory, String(lane));
      const { said } = await run(bench, [...ARGS, REPORTER, ...own], { PAGEWALK_RUNS_FILE: file });
      if (!existsSync(file)) throw new Error(`tests do not come to their end without any fault:\n${said}`);
      const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
      return lines.map((line) => JSON.parse(line) as RunOfTest);
    });
    return (await Promise.all(lanes)).flat();
  });
}

/**
 * Runs tests that start the product in processes of its own: each test file by itself.
 *
 * @param tests - below dist
 * @param onRun - is called with each run, as soon as it is known
 */
export async function collectApart(
  bench: Bench,
  tests: readonly string[],
  onRun: (test: string, run: RunOfTest) => void,
): Promise<RunOfTest[]> {
  const waiting = [...tests];
  const runs: RunOfTest[] = [];
  const lane = async (): Promise<void> => {
    for (let test = waiting.shift(); test !== undefined; test = waiting.shift()) {
      const run = await runOf(bench, `dist/${test}`);
      onRun(test, run);
      runs.push(run);
    }
  };
  await Promise.all(Array.from({ length: bench.lanes }, lane));
  return runs;
}

function runOf(bench: Bench, test: string): Promise<RunOfTest> {
  return inDirectory(async (directory) => {
    const since = performance.now();
    const { code } = await run(bench, [...ARGS, 'dot', test], { NODE_V8_COVERAGE: directory });
    const ms = performance.now() - since;
    // A test may start hundreds of commands, most of which run the same: each way of running a file is kept once.
    const ways = new Map<string, RunOfFile>();
    for (const name of readdirSync(directory)) {
      const { result } = JSON.parse(readFileSync(join(directory, name), 'utf8')) as ProcessCoverage;
      for (const { url, functions } of result.filter(({ url }) => /\/dist\/(?:src|protocols)\//.test(url))) {
        const ranges = functions.flatMap((each) => each.ranges);
        ways.set(`${url} ${ranges.map(({ startOffset, count }) => `${startOffset}${count > 0 ? '+' : '-'}`)}`, {
          url,
          ranges,
        });
      }
    }
    return { test: join(bench.root, test), ms, failed: code !== 0, files: [...ways.values()] };
  });
}
