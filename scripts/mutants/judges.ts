import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ProgramEnd, runProgram } from './run-program.ts';

/** Something that says whether a core is right. */
export interface Judge {
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const MOCHA = ['node_modules/.bin/mocha', '--bail', '--reporter', 'dot', '--timeout', '0'];
const CONFORMANCE = 'dist/test/conformance';
const SEED = '1';
const TIMEOUT_MS = 300_000;
/** Where CONTRIBUTING.md says that Bochs 3 is unpacked. */
const BOCHS_3 = 'dist/bochs-3/bochs-bin';

function mocha(...tests: readonly string[]): string[] {
  return [...MOCHA, ...tests.map((test) => `${CONFORMANCE}/${test}.test.js`)];
}

function program(folder: string, probes: number, ...options: readonly string[]): string[] {
  return [`${CONFORMANCE}/${folder}/main.js`, '--seed', SEED, '--probes', String(probes), ...options];
}

/** All that can be had here. The one that was written beside the core comes last: the others know nothing of it. */
export function judgesAt(root: string): readonly Judge[] {
  const bochs3 = join(root, BOCHS_3);
  return [
    { name: 'TCG', args: program('processor', 49_152) },
    { name: 'TCG, SVM', args: program('nested-processor', 2560) },
    { name: 'Bochs 2.7', args: program('bochs', 2000), env: { PAGEWALK_BOCHS: 'bochs-bin' } },
    ...(existsSync(bochs3) ? [{ name: 'Bochs 3', args: program('bochs', 1500, '--bochs', bochs3) }] : []),
    { name: 'access matrix', args: mocha('access-matrix/access-matrix') },
    { name: 'by hand', args: mocha('golden-vectors', 'boundaries', 'shadow-stacks', 'lass', 'nested/*', 'translate2') },
    {
      name: 'second walker',
      args: mocha('random-walks'),
      env: { PAGEWALK_SEED: SEED, PAGEWALK_WALKS: '48000' },
    },
  ];
}

/** Has a judge look at the core below `root`. */
export function ask(judge: Judge, root: string): Promise<ProgramEnd> {
  return runProgram(root, judge.args, judge.env ?? {}, TIMEOUT_MS);
}
