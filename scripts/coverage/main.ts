import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FileCoverage, FLOORS, missedFloors } from './floors.ts';

/*
 * The end of `npm test`: compares the coverage of the run that has just ended with the floors.
 */

/** Seen from dist/scripts/coverage, where this file runs. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SUMMARY = new URL('../../../coverage/coverage-summary.json', import.meta.url);

const summary = JSON.parse(readFileSync(SUMMARY, 'utf8')) as Record<string, FileCoverage>;
const files = new Map(
  Object.entries(summary).map(([path, file]) => [relative(ROOT, path).replaceAll('\\', '/'), file]),
);
const missed = missedFloors(files, FLOORS);
for (const sentence of missed) process.stderr.write(`coverage: ${sentence}\n`);
if (missed.length > 0) process.exitCode = 1;
