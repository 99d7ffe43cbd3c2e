import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Benchmark } from '../benchmark.ts';
import { atLeast, atMost, type Figure } from '../figure.ts';
import { median } from '../statistics.ts';

const PROGRAM = fileURLToPath(new URL('./enumerate-main.js', import.meta.url));

interface Enumerated {
  readonly entriesPerSecond: readonly number[];
  readonly otherMiB: number;
}

async function* run(): AsyncGenerator<Figure> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM]);
  const { entriesPerSecond, otherMiB } = JSON.parse(stdout) as Enumerated;
  yield* [
    {
      name: 'enumeration of 64 GiB in 4 KB pages, from memory',
      value: median(entriesPerSecond) / 1e6,
      unit: 'million/s',
      bar: atLeast(40),
      details: { passes: entriesPerSecond.length, fastest: Math.max(...entriesPerSecond) / 1e6 },
    },
    {
      name: 'its peak memory beside the 128 MB of tables, Node itself included',
      value: otherMiB,
      unit: 'MiB',
      bar: atMost(150),
      details: {},
    },
  ];
}

/** A large address space, of which each entry is looked at. */
export const enumeration: Benchmark = { name: 'enumeration', run };
