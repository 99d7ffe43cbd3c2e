import { expect } from 'chai';
import { UsageError } from '../../../../src/cli/errors.ts';
import { type ScopeOptions, toTranslateScope } from '../../../../src/cli/options/scope-options.ts';

const NOTHING: ScopeOptions = {
  cr3: undefined,
  process: undefined,
  overrides: [],
  profile: undefined,
  nested: undefined,
  live: false,
  hostMemory: true,
};

async function refusal(changed: Partial<ScopeOptions>): Promise<string> {
  const refused = await toTranslateScope({ ...NOTHING, ...changed }, 0, 'translate').catch((error: unknown) => error);
  expect(refused).to.be.instanceOf(UsageError);
  return (refused as UsageError).message;
}

describe('cli/toTranslateScope', () => {
  it('a name of --set that is not known suggests the nearest', async () => {
    expect(await refusal({ overrides: ['CR4.SMPA=0'] })).to.match(
      /^invalid change "CR4\.SMPA=0": unknown name CR4\.SMPA; use .*; did you mean CR4\.SMAP\?$/,
    );
    expect(await refusal({ overrides: ['FROBNICATE=1'] })).to.not.contain('did you mean');
  });

  it('a profile that is not known suggests the nearest', async () => {
    expect(await refusal({ profile: 'intl' })).to.equal(
      'unknown profile "intl"; use intel, amd, kvm, tcg or tcg-MAJOR.MINOR.MICRO; did you mean intel?',
    );
  });

  it('a value that does not fit suggests no name', async () => {
    expect(await refusal({ overrides: ['CPL=4'] })).to.equal('invalid change "CPL=4": CPL is 0 to 3');
  });
});
