import { readFile, writeFile } from 'node:fs/promises';
import { packageVersion } from '../src/cli/version.ts';
import { DOCUMENTS, ROOT } from './documents/documents.ts';
import { makeDocument } from './documents/make-document.ts';
import { MAN_PAGE, makeManPage } from './documents/man-page.ts';

/*
 * `npm run docs`: writes into README.md and docs/ what the commands and examples in them print, and the man page. Tests compare; this repairs.
 */

async function update(path: string, make: (text: string) => Promise<string>): Promise<void> {
  const document = new URL(path, ROOT);
  const text = await readFile(document, 'utf8').catch(() => '');
  const made = await make(text);
  if (made !== text) await writeFile(document, made);
  process.stdout.write(`${path} ${made === text ? 'is up to date' : 'was updated'}\n`);
}

await update(MAN_PAGE, () => makeManPage(packageVersion()));
for (const path of DOCUMENTS) await update(path, (text) => makeDocument(text, { guests: true }));
