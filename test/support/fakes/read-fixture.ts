import { readFileSync } from 'node:fs';

/** Seen from dist/test/support/fakes, where this file runs. */
const FIXTURES = new URL('../../../../test/support/fixtures/', import.meta.url);

/** The bytes of a recorded file, by its path below test/support/fixtures. */
export function readFixture(path: string): Buffer {
  return readFileSync(new URL(path, FIXTURES));
}

/** The text of a recorded file. */
export function readFixtureText(path: string): string {
  return readFixture(path).toString('utf8');
}
