import { readFile, writeFile } from 'node:fs/promises';
import { makeReadme } from './readme/make-readme.ts';

/*
 * `npm run docs`: writes into README.md what the commands and examples in it print. Tests compare; this repairs.
 */

/** Seen from dist/scripts, where this file runs. */
const README = new URL('../../README.md', import.meta.url);

const text = await readFile(README, 'utf8');
const made = await makeReadme(text, { guests: true });
if (made === text) process.stdout.write('README.md is up to date\n');
else {
  await writeFile(README, made);
  process.stdout.write('README.md was updated\n');
}
