import { randomInt } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { NothingChosenError } from './choose.ts';
import type { Outcome, Suite } from './scenario.ts';
import { SUITES } from './suites.ts';
import { formatFailure, Tally } from './tally.ts';
import { LackingError, TortureError } from './torture-error.ts';

/*
 * `npm run torture -- [SUITE...] [OPTION...]`: does to pagewalk, and to the guests it looks at, what may happen to them, and looks
 * whether the guest, the host and everybody else are as they were. Ends with status 1 when anything was not.
 */

const HELP = `usage: npm run torture -- [SUITE...] [OPTION...]

${SUITES.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}\n`).join('')}
  --seed N       draw the same cases again; without it a seed is drawn and printed
  --count N      how many cases
  --case N       only this one
  --named TEXT   only scenarios whose name contains TEXT
  --lanes N      guests that are worked on at once; 2 when not given
  --minutes N    for soak: how long
  --json FILE    write all outcomes and the tally to a file
  --verbose      print every case

PAGEWALK_PROGRAM=FILE tries another build, PAGEWALK_QEMU=FILE another QEMU.
`;

interface Arguments {
  readonly suites: readonly Suite[];
  readonly seed: number;
  readonly lanes: number;
  readonly count?: number;
  readonly only?: number;
  readonly named?: string;
  readonly minutes?: number;
  readonly json?: string;
  readonly verbose: boolean;
}

/** @throws TortureError for what is no number, or too low. */
function parseWhole(text: string | undefined, option: string, least = 0): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < least)
    throw new TortureError(`${option} takes a whole number${least > 0 ? ` from ${least} on` : ''}, not "${text}"`);
  return value;
}

function parse(): Arguments | undefined {
  const { values, positionals } = parseArgs({
    options: {
      seed: { type: 'string' },
      count: { type: 'string' },
      case: { type: 'string' },
      named: { type: 'string' },
      lanes: { type: 'string' },
      minutes: { type: 'string' },
      json: { type: 'string' },
      verbose: { type: 'boolean' },
      help: { type: 'boolean' },
    },
    allowPositionals: true,
  });
  if (values.help === true) return undefined;
  const unknown = positionals.find((name) => !SUITES.some((suite) => suite.name === name));
  if (unknown !== undefined) throw new TortureError(`there is no suite "${unknown}"\n${HELP}`);
  const count = parseWhole(values.count, '--count', 1);
  const only = parseWhole(values.case, '--case');
  const minutes = parseWhole(values.minutes, '--minutes', 1);
  return {
    suites:
      positionals.length === 0
        ? SUITES.filter(({ isEndless }) => !isEndless)
        : SUITES.filter(({ name }) => positionals.includes(name)),
    seed: parseWhole(values.seed, '--seed') ?? randomInt(2 ** 31),
    lanes: parseWhole(values.lanes, '--lanes', 1) ?? 2,
    ...(count === undefined ? {} : { count }),
    ...(only === undefined ? {} : { only }),
    ...(values.named === undefined ? {} : { named: values.named }),
    ...(minutes === undefined ? {} : { minutes }),
    ...(values.json === undefined ? {} : { json: values.json }),
    verbose: values.verbose === true,
  };
}

/** Runs one suite, and prints what came of it. */
async function runSuite(
  suite: Suite,
  options: Arguments,
): Promise<{ readonly tally: Tally; readonly outcomes: Outcome[] }> {
  const tally = new Tally();
  const outcomes: Outcome[] = [];
  process.stdout.write(`${suite.name}: seed ${options.seed}\n`);
  await suite.run({
    ...options,
    report(outcome) {
      tally.add(outcome);
      outcomes.push(outcome);
      if (outcome.problems.length > 0) process.stdout.write(formatFailure(outcome));
      else if (options.verbose) process.stdout.write(`ok ${outcome.what} (${Math.round(outcome.tookMs)} ms)\n`);
    },
  });
  process.stdout.write(`${suite.name}:\n${tally.format()}`);
  return { tally, outcomes };
}

async function main(): Promise<void> {
  const options = parse();
  if (options === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const summary: Record<string, unknown> = { seed: options.seed };
  let failed = 0;
  let idle = 0;
  for (const suite of options.suites) {
    const done = await runSuite(suite, options).catch((error: unknown) => {
      idle += 1;
      // What has a name in one suite has none in the others.
      const isLeftOut = error instanceof NothingChosenError || error instanceof LackingError;
      if (!isLeftOut || idle === options.suites.length) throw error;
      const why = error instanceof LackingError ? `not run: ${error.message}` : 'nothing of that name or number';
      process.stdout.write(`${suite.name}: ${why}\n`);
    });
    if (done === undefined) continue;
    const { tally, outcomes } = done;
    failed += tally.failures.length;
    summary[suite.name] = {
      cases: tally.cases,
      failed: tally.failures.length,
      longestMs: Math.round(tally.longestMs),
      tags: Object.fromEntries(tally.counts),
      outcomes,
    };
    if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(summary, null, 2)}\n`);
  }
  process.stdout.write(failed === 0 ? 'nothing came to harm\n' : `${failed} cases failed\n`);
  if (failed > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  // One of the suite's own says all there is to say.
  const text = error instanceof TortureError ? error.message : error instanceof Error ? error.stack : undefined;
  process.stderr.write(`torture: ${text ?? String(error)}\n`);
  process.exitCode = 2;
}
