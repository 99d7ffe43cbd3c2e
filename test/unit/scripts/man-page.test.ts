import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { ROOT } from '../../../scripts/documents/documents.ts';
import { MAN_PAGE, makeManPage } from '../../../scripts/documents/man-page.ts';
import { packageVersion } from '../../../src/cli/version.ts';

describe('the man page', () => {
  it('is what the option tables make; `npm run docs` repairs it', async () => {
    expect(readFileSync(new URL(MAN_PAGE, ROOT), 'utf8')).to.equal(await makeManPage(packageVersion()));
  });

  it('has no line that begins a request of man by accident', async () => {
    const requests = (await makeManPage('1')).split('\n').filter((line) => /^[.']/.test(line));
    for (const line of requests) expect(line).to.match(/^\.(TH|SH|SS|B|TP|PP|br)\b/);
  });
});
