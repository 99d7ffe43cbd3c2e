import { expect } from 'chai';
import { type FileCoverage, FLOORS, missedFloors } from '../../../scripts/coverage/floors.ts';

function file(lines: readonly [number, number], branches: readonly [number, number] = [0, 0]): FileCoverage {
  return {
    lines: { covered: lines[0], total: lines[1] },
    branches: { covered: branches[0], total: branches[1] },
  };
}

const FLOOR = { folder: 'src/paging/', lines: 90, branches: 50 };

describe('coverage floors', () => {
  it('count a folder as one, by its lines and not by its files', () => {
    const files = new Map([
      ['src/paging/a.ts', file([90, 90])],
      ['src/paging/deep/b.ts', file([0, 10])],
      ['src/guest/c.ts', file([0, 1000])],
    ]);
    expect(missedFloors(files, [FLOOR])).to.deep.equal([]);
  });

  it('are missed by less than they say, in lines and in branches', () => {
    const files = new Map([['src/paging/a.ts', file([899, 1000], [4, 10])]]);
    expect(missedFloors(files, [FLOOR])).to.deep.equal([
      'src/paging/: 89.90 % of lines are covered, 90 % must be',
      'src/paging/: 40.00 % of branches are covered, 50 % must be',
    ]);
  });

  it('are missed by a folder that no test has touched', () => {
    expect(missedFloors(new Map(), [FLOOR])).to.deep.equal(['src/paging/: no file of it is in the coverage report']);
  });

  it('leave no layer out, and are highest where the rules are', () => {
    const layers = ['paging', 'linux', 'abi', 'report', 'picture', 'guest', 'dump', 'cli', 'testing'].map(
      (layer) => `src/${layer}/`,
    );
    const protocols = ['transport', 'gdb', 'qmp'].map((layer) => `protocols/${layer}/`);
    expect(FLOORS.map(({ folder }) => folder)).to.have.members([...layers, ...protocols]);
    for (const { folder, lines, branches } of FLOORS) {
      const isRules = folder === 'src/paging/' || folder === 'src/abi/';
      expect(Math.min(lines, isRules ? branches : lines), folder).to.be.at.least(isRules ? 95 : 90);
    }
  });
});
