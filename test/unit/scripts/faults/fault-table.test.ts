import { expect } from 'chai';
import { formatTable, holdsFloor, mayHoldFloor } from '../../../../scripts/mutants/faults/fault-table.ts';

const countOf = (noticed: number, missed: number, percent = 95) => ({
  ...{ layer: 'paging', percent, noticed, endless: 0, missed },
});

describe('scripts/holdsFloor', () => {
  it('is exact', () => {
    expect(holdsFloor(countOf(95, 5))).to.equal(true);
    expect(holdsFloor(countOf(94, 6))).to.equal(false);
  });
});

describe('scripts/mayHoldFloor', () => {
  /** How many of a draw may be missed. */
  const most = (drawn: number, percent: number): number => {
    let missed = 0;
    while (mayHoldFloor(countOf(drawn - missed - 1, missed + 1, percent))) missed += 1;
    return missed;
  };

  it('refuses what chance does in fewer than one of a hundred draws at the floor', () => {
    // 1 - 0.95 ** 12 - 12 * 0.05 * 0.95 ** 11 - 66 * 0.05 ** 2 * 0.95 ** 10 = 0.0196, and of four or more 0.0022.
    expect(most(12, 95)).to.equal(3);
    expect(most(1, 95)).to.equal(1);
    expect(most(100, 95)).to.equal(11);
    expect(most(12, 90)).to.equal(4);
  });

  it('has nothing against a draw in which all are noticed', () => {
    expect(mayHoldFloor(countOf(1, 0))).to.equal(true);
    expect(mayHoldFloor(countOf(1000, 0))).to.equal(true);
  });
});

describe('scripts/formatTable', () => {
  it('has a row for each layer', () => {
    expect(formatTable([{ layer: 'abi', percent: 95, noticed: 19, endless: 2, missed: 1 }])).to.equal(
      [
        '| layer | faults | noticed | of them without end | per cent | floor |',
        '|---|---|---|---|---|---|',
        '| abi | 20 | 19 | 2 | 95.0 | 95 |',
      ].join('\n'),
    );
  });
});
