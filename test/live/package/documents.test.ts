import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { makeReadme } from '../../../scripts/readme/make-readme.ts';

/** Seen from dist/test/live/package, where this file runs. */
const README = new URL('../../../../README.md', import.meta.url);

describe('README.md, on guests', function () {
  this.timeout(120_000);

  it('shows what the commands and examples print; `npm run docs` repairs it', async () => {
    const readme = readFileSync(README, 'utf8');
    expect(await makeReadme(readme, { guests: true })).to.equal(readme);
  });
});
