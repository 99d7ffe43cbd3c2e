import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { DOCUMENTS, ROOT } from '../../scripts/documents/documents.ts';
import { makeDocument } from '../../scripts/documents/make-document.ts';

describe('the documents, on guests', function () {
  this.timeout(120_000);

  for (const document of DOCUMENTS) {
    it(`${document} shows what the commands and examples print; \`npm run docs\` repairs it`, async () => {
      const text = readFileSync(new URL(document, ROOT), 'utf8');
      expect(await makeDocument(text, { guests: true })).to.equal(text);
    });
  }
});
