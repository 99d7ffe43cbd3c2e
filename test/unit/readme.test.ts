import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { ROOT } from '../../scripts/documents/documents.ts';

/** So many lines of a terminal are seen without scrolling. */
const FIRST_SCREEN = 24;

describe('README.md', () => {
  const lines = readFileSync(new URL('README.md', ROOT), 'utf8').split('\n');

  it('has an answer with its responsible entry on the first screen', () => {
    const screen = lines.slice(0, FIRST_SCREEN).join('\n');
    expect(screen).to.contain('$ pagewalk translate').and.to.contain('◄ responsible').and.to.contain('\n✗ ');
  });
});
