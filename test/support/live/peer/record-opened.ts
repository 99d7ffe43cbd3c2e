import fs, { appendFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/*
 * Loaded into a process before its program (`--import`): writes down the path of all that the program opens, reads or looks at by
 * name, in the file that PAGEWALK_OPENED names.
 */

const log = process.env['PAGEWALK_OPENED'];
const record = appendFileSync;
const WATCHED = ['openSync', 'readFileSync', 'opendirSync', 'readdirSync', 'open', 'readFile'] as const;

if (log !== undefined) {
  const module = fs as unknown as Record<string, (...given: unknown[]) => unknown>;
  const promises = fs.promises as unknown as typeof module;
  for (const [owner, names] of [
    [module, WATCHED],
    [promises, ['open', 'readFile', 'readdir'] as const],
  ] as const) {
    for (const name of names) {
      const original = owner[name];
      if (original === undefined) continue;
      owner[name] = (...given: unknown[]) => {
        record(log, `${String(given[0])}\n`);
        return original.apply(owner, given);
      };
    }
  }
  syncBuiltinESMExports();
}
