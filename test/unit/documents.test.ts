import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parseBlocks } from '../../scripts/readme/blocks.ts';
import { makeReadme } from '../../scripts/readme/make-readme.ts';
import { COMMANDS } from '../../src/cli/commands.ts';

/** Seen from dist/test/unit, where this file runs. */
const ROOT = new URL('../../../', import.meta.url);
const DOCUMENTS = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'protocols/README.md'];
const LINK = /\]\((?!https?:|#)([^)#]+)[^)]*\)/g;

const readme = readFileSync(new URL('README.md', ROOT), 'utf8');

describe('the documents', () => {
  it('README: the examples compile, and print what it says; `npm run docs` repairs it', async function () {
    this.timeout(60_000);
    expect(await makeReadme(readme, { guests: false })).to.equal(readme);
  });

  it('README: the help of every command is in it', () => {
    const helps = parseBlocks(readme).filter(({ kind }) => kind === 'help');
    expect(helps.map(({ argument }) => argument)).to.have.members(['', ...COMMANDS.map(({ name }) => name)]);
  });

  it('README: every example is run, but for those that only compile', () => {
    const named = (wanted: string): string[] =>
      parseBlocks(readme)
        .filter(({ kind }) => kind === wanted)
        .map(({ argument }) => argument);
    expect(named('example').filter((name) => !named('output').includes(name))).to.deep.equal(['testing']);
  });

  it('README: every block of TypeScript is one of the examples', () => {
    const fences = readme.match(/^```ts$/gm) ?? [];
    expect(parseBlocks(readme).filter(({ kind }) => kind === 'example')).to.have.length(fences.length);
  });

  for (const document of DOCUMENTS) {
    it(`${document}: its links lead to files of this repository`, () => {
      const text = readFileSync(new URL(document, ROOT), 'utf8');
      const dead = [...text.matchAll(LINK)]
        .map(([, target = '']) => target)
        .filter((target) => !existsSync(new URL(target, new URL(document, ROOT))));
      expect(dead).to.deep.equal([]);
    });
  }
});
