import { readFile, writeFile } from 'node:fs/promises';
import { DOCUMENTS, ROOT } from './documents/documents.ts';
import { makeDocument } from './documents/make-document.ts';

/*
 * `npm run docs`: writes into README.md and docs/ what the commands and examples in them print. Tests compare; this repairs.
 */

for (const path of DOCUMENTS) {
  const document = new URL(path, ROOT);
  const text = await readFile(document, 'utf8');
  const made = await makeDocument(text, { guests: true });
  if (made !== text) await writeFile(document, made);
  process.stdout.write(`${path} ${made === text ? 'is up to date' : 'was updated'}\n`);
}
