import { expect } from 'chai';
import { complainOfAssumed } from '../../../../src/cli/session/complain-of-assumed.ts';
import type { ReportedAssumption } from '../../../../src/report/index.ts';

const ASSUMED: ReportedAssumption = {
  name: 'vendor',
  value: 'intel',
  decides: true,
  cause: { code: 'as-saved', text: 'it was not told' },
};

describe('cli/complainOfAssumed', () => {
  it('says each assumption once, and nothing where there is none', async () => {
    const said: string[] = [];
    const context = { complain: (line: string) => void said.push(line) };
    await complainOfAssumed([], context);
    expect(said).to.deep.equal([]);
    await complainOfAssumed([ASSUMED, { ...ASSUMED }, { ...ASSUMED, decides: false }], context);
    expect(said).to.deep.equal([
      'pagewalk: assumed: vendor=intel (it was not told); the outcome depends on it',
      'pagewalk: assumed: vendor=intel (it was not told); the outcome does not depend on it',
    ]);
  });
});
