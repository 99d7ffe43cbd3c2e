import { expect } from 'chai';
import { formatProgress, Progress } from '../../../../src/cli/io/progress.ts';

describe('cli/Progress', () => {
  it('shows nothing of what is quick, and then not more often than can be read', () => {
    const shown: string[] = [];
    let now = 0;
    const progress = new Progress({ showStatus: (text) => shown.push(text) }, 'reading', () => now);
    for (; now < 1300; now += 10) progress.report(now, 2000);
    progress.end();
    expect(shown).to.deep.equal([
      'reading [###############---------------] 1000 of 2000',
      'reading [################--------------] 1100 of 2000',
      'reading [##################------------] 1200 of 2000',
      '',
    ]);
    progress.end();
    expect(
      shown.filter((text) => text === ''),
      'once',
    ).to.have.length(1);
  });

  it('takes nothing away where it has shown nothing', () => {
    const shown: string[] = [];
    const progress = new Progress({ showStatus: (text) => shown.push(text) }, 'reading');
    progress.report(1, 2);
    progress.end();
    expect(shown).to.deep.equal([]);
  });

  it('does without a terminal', () => {
    let now = 0;
    const progress = new Progress({}, 'reading', () => now);
    now = 5000;
    progress.report(1, 2);
    progress.end();
    expect(now).to.equal(5000);
  });

  it('is full at the end, and of nothing', () => {
    expect(formatProgress('x', 3, 3)).to.equal(`x [${'#'.repeat(30)}] 3 of 3`);
    expect(formatProgress('x', 1, 3)).to.equal(`x [${'#'.repeat(10)}${'-'.repeat(20)}] 1 of 3`);
    expect(formatProgress('x', 29, 900)).to.equal(`x [${'-'.repeat(30)}] 29 of 900`);
    expect(formatProgress('x', 0, 0)).to.equal(`x [${'#'.repeat(30)}] 0 of 0`);
  });
});
