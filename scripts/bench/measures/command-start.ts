import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { BenchError } from '../bench-error.ts';
import type { Benchmark } from '../benchmark.ts';
import { atMost, type Figure } from '../figure.ts';
import { compare } from '../statistics.ts';

/** Seen from dist/scripts/bench/measures, where this file runs. */
const COMMAND = fileURLToPath(new URL('../../../bundles/command/pagewalk.js', import.meta.url));
const ROUNDS = 25;

function timeNodeMs(words: readonly string[]): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  const elapsedMs = performance.now() - start;
  if (status !== 0) throw new BenchError(`node ${words.join(' ')} ended with status ${status}: ${stderr}`);
  return elapsedMs;
}

async function run(): Promise<readonly Figure[]> {
  const start = await compare(
    ROUNDS,
    () => timeNodeMs([COMMAND, '--version']),
    () => timeNodeMs(['-e', '0']),
  );
  return [
    {
      name: 'pagewalk --version, against node -e 0',
      value: start.ratio,
      unit: 'x',
      bar: atMost(1.5),
      details: { commandMs: start.measured, nodeMs: start.baseline },
    },
  ];
}

/** What the command costs before it does anything. */
export const commandStart: Benchmark = { name: 'command-start', run };
