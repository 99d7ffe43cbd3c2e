import { fileURLToPath } from 'node:url';
import { checkTree } from './layout/check-tree.ts';
import { readTree } from './layout/read-tree.ts';

/*
 * `npm run lint`: checks the repository, or the directory that is given, against the rules of scripts/layout.
 */

/** Seen from dist/scripts, where this file runs. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const [root = ROOT] = process.argv.slice(2);
const files = readTree(root);
const findings = checkTree(files);
for (const { path, line, problem } of findings) {
  process.stderr.write(`${path}${line === 0 ? '' : `:${line}`}: ${problem}\n`);
}
if (findings.length > 0) process.exitCode = 1;
else process.stdout.write(`layout: ${files.length} files are in order\n`);
