import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BenchError } from './bench-error.ts';
import type { Benchmark } from './benchmark.ts';
import { BENCHMARKS } from './benchmarks.ts';
import { type Figure, isMet } from './figure.ts';
import { formatFigure, formatMachine } from './format-figure.ts';
import { LinuxGuests } from './guests/linux-guests.ts';
import { describeMachine } from './machine.ts';

/*
 * `npm run bench [-- NAME...] [--json FILE]`: how fast it is, and whether that is fast enough. Wherever two things can be
 * compared they are measured in turn in one run, so that a figure says something on any machine, a busy one included.
 */

const HELP = `usage: npm run bench [-- NAME...] [--json FILE]\n\n${BENCHMARKS.map(({ name }) => `  ${name}\n`).join('')}`;

/** @throws BenchError for a name that there is not. */
function selectBenchmarks(names: readonly string[]): readonly Benchmark[] {
  const unknown = names.find((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name));
  if (unknown !== undefined) throw new BenchError(`there is no benchmark "${unknown}"\n${HELP}`);
  return names.length === 0 ? BENCHMARKS : BENCHMARKS.filter(({ name }) => names.includes(name));
}

async function runAll(benchmarks: readonly Benchmark[]): Promise<readonly Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), 'pagewalk-bench-'));
  try {
    await using linux = new LinuxGuests();
    const figures: Figure[] = [];
    for (const benchmark of benchmarks) {
      for await (const figure of benchmark.run({ directory, linux })) {
        process.stdout.write(formatFigure(figure));
        figures.push(figure);
      }
    }
    return figures;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'string' }, help: { type: 'boolean' } },
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const benchmarks = selectBenchmarks(positionals);
  const machine = describeMachine();
  process.stdout.write(formatMachine(machine));
  const figures = await runAll(benchmarks);
  const short = figures.filter((figure) => isMet(figure) === false);
  process.stdout.write(`${figures.length} figures, ${short.length} short of the bar\n`);
  if (values.json !== undefined) {
    const rows = figures.map((figure) => ({ ...figure, met: isMet(figure) ?? null }));
    await writeFile(values.json, `${JSON.stringify({ machine, figures: rows }, null, 2)}\n`);
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
