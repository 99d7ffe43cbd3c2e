import { readFileSync } from 'node:fs';

/** Seen from dist/scripts/parsers, where this file runs. */
const FIXTURES = new URL('../../../test/support/fixtures/', import.meta.url);

/** A recorded file. */
export function readSeed(path: string): Buffer {
  return readFileSync(new URL(path, FIXTURES));
}
