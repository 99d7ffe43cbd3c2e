import { enumerateRanges, type MappedRange } from '../../../src/paging/index.ts';
import { BenchError } from '../bench-error.ts';
import type { SyntheticTables } from '../guests/synthetic-tables.ts';
import { contextFor } from './pure-walk.ts';

const WORDS_PER_PAGE = 1024;

/**
 * Goes through all tables once, as ranges.
 *
 * @returns entries in a second, those of all levels
 */
export function enumerateOnce(tables: SyntheticTables): number {
  const words = new Int32Array(tables.memory.buffer);
  const ranges: MappedRange[] = [];
  const start = performance.now();
  const result = enumerateRanges(
    contextFor(tables),
    (page) => words.subarray(page * WORDS_PER_PAGE, (page + 1) * WORDS_PER_PAGE),
    (range) => ranges.push(range) > 0,
  );
  const elapsedMs = performance.now() - start;
  const leaves = ranges.reduce((sum, range) => sum + (range.leaves[4096] ?? 0), 0);
  if (!result.complete || leaves !== tables.pages) {
    throw new BenchError(`of ${tables.pages} pages ${leaves} were found`);
  }
  return ((result.tables * WORDS_PER_PAGE) / 2 / elapsedMs) * 1000;
}
