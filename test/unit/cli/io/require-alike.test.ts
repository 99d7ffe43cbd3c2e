import { expect } from 'chai';
import { InputFileError } from '../../../../src/cli/errors.ts';
import { requireAlike } from '../../../../src/cli/io/require-alike.ts';
import type { SavedMapHeading } from '../../../../src/cli/io/saved-map.ts';

const HEADING: SavedMapHeading = {
  kind: 'map',
  of: 'ranges',
  mode: '4-level',
  first: 0x1000n,
  last: 0x1fffn,
  filter: null,
  assumed: [],
};

function compare(after: Partial<SavedMapHeading>, before: Partial<SavedMapHeading> = {}): void {
  requireAlike(
    { name: 'old.json', heading: { ...HEADING, ...before } },
    { name: 'new.json', heading: { ...HEADING, ...after } },
  );
}

describe('cli/requireAlike', () => {
  it('takes maps of the same things, whatever else differs', () => {
    compare({ mode: 'pae', cr3: 0x2000n, cpu: 1, changes: ['CR4.SMEP=1'] });
  });

  for (const [after, before, problem] of [
    [{ of: 'pages' }, {}, 'is a map of pages (--leaves), and old.json one of ranges'],
    [{}, { of: 'pages' }, 'is a map of ranges, and old.json one of pages (--leaves)'],
    [{ filter: 'w+x' }, {}, 'is a map of --filter w+x, and old.json one of everything'],
    [{ filter: 'w' }, { filter: 'x' }, 'is a map of --filter w, and old.json one of --filter x'],
    [{ first: 0n }, {}, 'is a map of --range 0x0-0x1fff, and old.json one of --range 0x1000-0x1fff'],
    [{}, { last: 0x2fffn }, 'is a map of --range 0x1000-0x1fff, and old.json one of --range 0x1000-0x2fff'],
  ] as const) {
    it(`refuses what ${problem}`, () => {
      expect(() => compare(after, before))
        .to.throw(InputFileError, `new.json:1: ${problem}`)
        .that.includes({ file: 'new.json', line: 1 });
    });
  }
});
