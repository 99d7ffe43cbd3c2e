import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { findFaults } from '../../../../scripts/mutants/faults/drawing/find-faults.ts';
import {
  EQUIVALENT_FAULTS,
  isEquivalent,
  staleEntries,
} from '../../../../scripts/mutants/faults/equivalent/equivalent-faults.ts';

/** Seen from dist/test/unit/scripts/faults, where this file runs. */
const DIST = new URL('../../../../', import.meta.url);
const entry = { file: 'src/a.js', reason: 'it is so', lines: ['if (a < 2) {'] };

describe('scripts/EQUIVALENT_FAULTS', () => {
  it('has only faults that the product still can have', () => {
    expect(staleEntries((file) => readFileSync(fileURLToPath(new URL(file, DIST)), 'utf8'))).to.deep.equal([]);
  });

  it('says of each why it changes nothing', () => {
    for (const { file, reason } of EQUIVALENT_FAULTS) expect(reason, file).to.match(/^\S.{15}/);
  });
});

describe('scripts/staleEntries', () => {
  it('names a line that no fault of its file makes any more', () => {
    expect(staleEntries(() => '  if (a < 1) {\n', [entry])).to.deep.equal([]);
    const [stale, another] = staleEntries(() => '  if (a < 3) {\n', [entry]);
    expect(stale).to.contain('src/a.js').and.to.contain('if (a < 2) {');
    expect(another).to.equal(undefined);
  });
});

describe('scripts/isEquivalent', () => {
  it('takes a limit of time that is a millisecond longer for the same, and no other constant', () => {
    const source = 'const MOST_MS = 5000;\nconst MOST = 5000;\nwait(MOST_MS + 1);\n';
    const constants = findFaults(source).filter(({ kind }) => kind === 'constant');
    expect(constants.map((fault) => isEquivalent('src/a.js', source, fault))).to.deep.equal([true, false, false]);
  });
});
