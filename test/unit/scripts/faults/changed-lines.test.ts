import { expect } from 'chai';
import { linesOfDiff } from '../../../../scripts/mutants/faults/drawing/changed-lines.ts';

describe('scripts/linesOfDiff', () => {
  it('has the lines that were added or changed, by file, and none where lines only went', () => {
    const diff = [
      'diff --git a/src/a.ts b/src/a.ts',
      '--- a/src/a.ts',
      '+++ b/src/a.ts',
      '@@ -3 +3,2 @@ function a() {',
      '-  old',
      '+  new',
      '+  another',
      '@@ -10,2 +10,0 @@',
      '-  gone',
      '-  gone, too',
      '@@ -20,0 +19 @@',
      '+  @@ -1 +1 @@',
      '--- /dev/null',
      '+++ b/src/b.ts',
      '@@ -0,0 +1 @@',
      '+b',
    ].join('\n');
    const lines = [...linesOfDiff(diff)].map(([file, some]) => [file, [...some]]);
    expect(lines).to.deep.equal([
      ['src/a.ts', [3, 4, 19]],
      ['src/b.ts', [1]],
    ]);
  });
});
