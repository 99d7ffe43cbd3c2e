import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from './bench/guests/random.ts';
import { checkInput } from './parsers/check-input.ts';
import { mutate } from './parsers/mutate.ts';
import { PARSER_TARGETS } from './parsers/parser-targets.ts';

/*
 * `npm run fuzz -- SECONDS [SEED]`: gives every parser of foreign text recorded inputs that were cut, doubled, changed and mixed, and
 * random bytes. Each has to return or to throw one of its layer's own errors, within a time for its size and in bounded memory. What
 * breaks that is kept in a file.
 */

const [seconds = '10', seedText = String(Date.now() % 1_000_000)] = process.argv.slice(2);
const seed = Number(seedText);
if (!(Number(seconds) > 0) || !Number.isSafeInteger(seed)) {
  process.stderr.write('usage: npm run fuzz -- [SECONDS [SEED]]\n');
  process.exit(2);
}
const deadline = performance.now() + Number(seconds) * 1000;
/** Processor time that any input may take, and each of its bytes. */
const BASE_MS = 250;
const MS_PER_BYTE = 0.005;
const MAX_RSS_BYTES = 1024 * 1024 * 1024;

const random = new Random(seed);
let directory: string | undefined;
let inputs = 0;
let bytes = 0;
let failures = 0;

function fail(name: string, input: Buffer, problem: string): void {
  failures += 1;
  directory ??= mkdtempSync(join(tmpdir(), 'pagewalk-fuzz-'));
  const file = join(directory, `${failures}.bin`);
  writeFileSync(file, input);
  process.stderr.write(`${name}: ${problem}\n  the input is in ${file}\n`);
}

process.stdout.write(`seed ${seed}\n`);
while (performance.now() < deadline) {
  for (const target of PARSER_TARGETS) {
    const isRandom = random.below(10) === 0;
    const input = isRandom
      ? Buffer.from(Array.from({ length: random.below(4096) }, () => random.below(256)))
      : mutate(target.seeds, random);
    const start = process.cpuUsage();
    const problem = await checkInput(target, input);
    const { user, system } = process.cpuUsage(start);
    const ms = (user + system) / 1000;
    inputs += 1;
    bytes += input.length;
    if (problem !== undefined) fail(target.name, input, problem);
    if (ms > BASE_MS + MS_PER_BYTE * input.length)
      fail(target.name, input, `${ms.toFixed(0)} ms for ${input.length} bytes`);
    const { rss } = process.memoryUsage();
    if (rss > MAX_RSS_BYTES) {
      fail(target.name, input, `the process has ${rss} bytes`);
      process.exit(1);
    }
  }
}
const rssMb = Math.round(process.memoryUsage().rss / 1e6);
process.stdout.write(
  `${inputs} inputs, ${bytes} bytes, ${PARSER_TARGETS.length} parsers, ${rssMb} MB: ${failures} failures\n`,
);
if (failures > 0) process.exitCode = 1;
