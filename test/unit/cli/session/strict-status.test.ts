import { expect } from 'chai';
import { strictStatus, UNSURE } from '../../../../src/cli/session/strict-status.ts';
import type { ReportedAssumption } from '../../../../src/report/index.ts';

const DECIDING: ReportedAssumption = {
  name: 'vendor',
  value: 'intel',
  decides: true,
  cause: { code: 'as-saved', text: 'it was not told' },
};
const IDLE = { ...DECIDING, decides: false };

describe('cli/strictStatus', () => {
  const said: string[] = [];
  const context = { complain: (line: string) => void said.push(line) };
  beforeEach(() => said.splice(0));

  it('is 4 where something decides that was assumed, and says what, once', async () => {
    expect(UNSURE).to.equal(4);
    const assumed = new Set([IDLE, DECIDING, { ...DECIDING }, { ...DECIDING, value: 'amd' }]);
    expect(await strictStatus(1, true, assumed, context)).to.equal(4);
    expect(said).to.deep.equal([
      'pagewalk: --strict: vendor=intel (it was not told); the outcome depends on it',
      'pagewalk: --strict: vendor=amd (it was not told); the outcome depends on it',
    ]);
  });

  it('is what it was where nothing decides, or nothing is strict', async () => {
    for (const status of [0, 1]) {
      expect(await strictStatus(status, false, [DECIDING], context)).to.equal(status);
      expect(await strictStatus(status, true, [IDLE], context)).to.equal(status);
      expect(await strictStatus(status, true, [], context)).to.equal(status);
    }
    expect(said).to.deep.equal([]);
  });
});
