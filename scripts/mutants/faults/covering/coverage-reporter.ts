import { writeFileSync } from 'node:fs';
import { type Profiler, Session } from 'node:inspector';
import Mocha from 'mocha';
import type { RunOfFile, RunOfTest } from './run-of-test.ts';

/*
 * Keeps what each test file runs, as V8 counts it, of a process that runs many: a process for each would spend its time with
 * starting. What describe() runs while test files are loaded belongs to no test.
 */

const { PAGEWALK_RUNS_FILE: RUNS_FILE = 'dist/runs.jsonl' } = process.env;

const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

/** What has run since it was asked for last. The engine of one's own process answers at once. */
function take(): RunOfFile[] {
  let scripts: Profiler.ScriptCoverage[] = [];
  session.post('Profiler.takePreciseCoverage', (error, answer) => {
    if (error !== null) throw error;
    scripts = answer.result;
  });
  return scripts
    .filter(({ url }) => /\/dist\/(?:src|protocols)\//.test(url))
    .map(({ url, functions }) => ({ url, ranges: functions.flatMap(({ ranges }) => ranges) }));
}

class CoverageReporter extends Mocha.reporters.Dot {
  readonly #runs: RunOfTest[] = [];
  #test: string | null = null;
  #since = 0;
  #failed = false;

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.on('suite', (suite) => {
      if (suite.file !== undefined && suite.file !== this.#test) this.#next(suite.file);
    });
    runner.on('fail', () => {
      this.#failed = true;
    });
    runner.on('end', () => {
      this.#next(null);
      writeFileSync(RUNS_FILE, this.#runs.map((run) => `${JSON.stringify(run)}\n`).join(''));
    });
  }

  #next(test: string | null): void {
    const now = performance.now();
    this.#runs.push({ test: this.#test, ms: now - this.#since, failed: this.#failed, files: take() });
    this.#failed = false;
    this.#test = test;
    this.#since = now;
  }
}

// Mocha loads reporters with require(), which hands over a module's export of this name as the module itself.
export { CoverageReporter as 'module.exports' };
