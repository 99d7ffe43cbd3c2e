import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Seen from dist/test/support/live, where this file runs. */
const MODULES = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
/**
 * The command that is tried. `npm test` names the bundle, which is what users run, and which starts in a third of the time; of
 * a bundle no coverage is measured, since V8 counts its one line.
 */
const { PAGEWALK_PROGRAM: PROGRAM = MODULES } = process.env;

/** Compiled code is kept there, as it is for users: in dist, so that another build has another. */
const CACHE = fileURLToPath(new URL('../../../test-cache', import.meta.url));
mkdirSync(CACHE, { recursive: true, mode: 0o700 });

/** How a run of the command ended. */
export interface PagewalkExit {
  /** Null when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run of the command that is under way. */
export interface PagewalkRun {
  readonly child: ChildProcess;
  readonly ended: Promise<PagewalkExit>;
}

/** Starts the command as a user does, with a cache folder and nothing of the environment but what is given, with or without an input. */
export function startPagewalk(
  words: readonly string[],
  environment: Record<string, string> = {},
  input: 'ignore' | 'pipe' = 'ignore',
): PagewalkRun {
  const child = spawn(process.execPath, [PROGRAM, ...words], {
    env: { ...coverageVariable(), XDG_CACHE_HOME: CACHE, ...environment },
    stdio: [input, 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  const ended = once(child, 'close').then(([status]) => ({ status: status as number | null, ...said }));
  return { child, ended };
}

/** Runs the command to its end. */
export function runPagewalk(words: readonly string[], environment?: Record<string, string>): Promise<PagewalkExit> {
  return startPagewalk(words, environment).ended;
}

/**
 * What the modules do counts for coverage as well. Of a bundle it would be thrown away, and each run would write a megabyte of it: Node
 * passes the variable on to every child whose environment does not have it.
 */
function coverageVariable(): Record<string, string> {
  const { NODE_V8_COVERAGE } = process.env;
  if (NODE_V8_COVERAGE === undefined) return {};
  return { NODE_V8_COVERAGE: PROGRAM === MODULES ? NODE_V8_COVERAGE : '' };
}
