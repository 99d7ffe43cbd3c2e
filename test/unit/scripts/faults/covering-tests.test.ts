import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { CoveringTests } from '../../../../scripts/mutants/faults/covering/covering-tests.ts';
import { ImportGraph } from '../../../../scripts/mutants/faults/covering/import-graph.ts';
import type { Range, RunOfTest } from '../../../../scripts/mutants/faults/covering/run-of-test.ts';

const range = (startOffset: number, endOffset: number, count: number): Range => ({ startOffset, endOffset, count });
const runOf = (test: string | null, ms: number, file: string, ...ranges: readonly Range[]): RunOfTest => ({
  test: test === null ? null : `/copy/dist/test/${test}.js`,
  ms,
  failed: false,
  files: [{ url: pathToFileURL(`/copy/dist/${file}`).href, ranges }],
});
const covering = (runs: readonly RunOfTest[], imports: readonly (readonly [string, string])[] = []) =>
  new CoveringTests('/copy', runs, new ImportGraph(imports));

describe('scripts/CoveringTests', () => {
  it('names the tests that run the block around a place, the quickest first', () => {
    const tests = covering([
      runOf('slow', 900, 'src/a.js', range(0, 100, 1), range(10, 90, 3)),
      runOf('quick', 5, 'src/a.js', range(0, 100, 1), range(10, 90, 3), range(40, 50, 0)),
      runOf('other', 1, 'src/b.js', range(0, 100, 1)),
    ]);
    expect(tests.of('src/a.js', 20)).to.deep.equal(['dist/test/quick.js', 'dist/test/slow.js']);
    expect(tests.of('src/a.js', 45)).to.deep.equal(['dist/test/slow.js']);
    expect(tests.of('src/a.js', 100)).to.deep.equal([]);
  });

  it('leaves out who fails without any fault', () => {
    const failing = { ...runOf('failing', 1, 'src/a.js', range(0, 100, 1)), failed: true };
    const tests = covering([failing, runOf('good', 1, 'src/a.js', range(0, 100, 1))]);
    expect(tests.of('src/a.js', 20)).to.deep.equal(['dist/test/good.js']);
    expect([...tests.leftOut]).to.deep.equal(['dist/test/failing.js']);
  });

  it('takes each process of a test by itself: what one has left out, another may have run', () => {
    const tests = covering([
      runOf('a', 1, 'src/a.js', range(0, 100, 1), range(40, 50, 0)),
      runOf('a', 1, 'src/a.js', range(0, 100, 1)),
    ]);
    expect(tests.of('src/a.js', 45)).to.deep.equal(['dist/test/a.js']);
  });

  it('asks those who use the file, or a file that imports it, about what runs when it is loaded', () => {
    const loaded = runOf(null, 0, 'src/table.js', range(0, 100, 1), range(60, 80, 0));
    const user = runOf('user', 1, 'src/user.js', range(0, 100, 1));
    const imports = [
      ['src/index.js', "export { TABLE } from './table.js';"],
      ['src/user.js', "import { TABLE } from './index.js';"],
      ['src/far.js', "import { use } from './user.js';"],
    ] as const;
    const tests = covering([loaded, user, runOf('far', 1, 'src/far.js', range(0, 100, 1))], imports);
    expect(tests.of('src/table.js', 10)).to.deep.equal(['dist/test/user.js']);
    expect(tests.of('src/table.js', 70)).to.deep.equal([]);
  });

  it('asks those who import the file about what only they have run, before their tests began', () => {
    const imports = [['test/table.js', "import { make } from '../src/made.js';"]] as const;
    const inLoading = runOf(null, 0, 'src/made.js', range(0, 100, 1), range(10, 40, 1), range(50, 90, 0));
    const runs = [inLoading, runOf('table', 1, 'src/other.js', range(0, 100, 1))];
    const tests = covering(runs, imports);
    expect(tests.of('src/made.js', 20)).to.deep.equal(['dist/test/table.js']);
    expect(tests.of('src/made.js', 60)).to.deep.equal([]);
    const another = runOf('another', 1, 'src/made.js', range(0, 100, 0), range(10, 40, 1));
    expect(covering([...runs, another], imports).of('src/made.js', 20)).to.deep.equal(['dist/test/another.js']);
  });
});

describe('scripts/ImportGraph', () => {
  it('finds whatever reaches a file, also later, in a circle or beside others', () => {
    const graph = new ImportGraph([
      ['src/a/b.js', "import { c } from '../c.js';\nimport 'node:fs';\n"],
      ['src/c.js', "export * from './d.js';\nimport { f } from './f.js';\n"],
      ['src/f.js', "import { c } from './c.js';\n"],
      ['src/later.js', "  const { c } = await import('./c.js');\n"],
      ['src/other.js', "const text = './c.js';\n"],
    ]);
    expect([...graph.usersOf(['src/d.js'])].sort()).to.deep.equal([
      ...['src/a/b.js', 'src/c.js', 'src/d.js', 'src/f.js', 'src/later.js'],
    ]);
  });
});
