import { expect } from 'chai';
import { UsageError } from '../../../../src/cli/errors.ts';
import { parseGuestOptions } from '../../../../src/cli/options/guest-options.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from '../../../../src/cli/options/option-table.ts';
import { parseOptions } from '../../../../src/cli/options/parse-options.ts';
import { parseScopeOptions, type ScopeOptions, toTranslateScope } from '../../../../src/cli/options/scope-options.ts';
import { GuestUsageError, parseNestedStage, parseProfile } from '../../../../src/guest/index.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';

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

describe('cli/toTranslateScope, of what is known', () => {
  it('has all that is said, as the guest layer has it, and nothing that is not', async () => {
    expect(await toTranslateScope(NOTHING, 0, 'map')).to.deep.equal({ cpu: 0 });
    const said = {
      ...{ cr3: 0x1000n, overrides: ['CR4.SMEP=1', 'PKRU=4'], profile: 'kvm', nested: 'npt:0x2000' },
    };
    const { overrides, ...rest } = await toTranslateScope({ ...NOTHING, ...said }, 3, 'map');
    expect(overrides?.map(({ text }) => text)).to.deep.equal(said.overrides);
    expect(rest).to.deep.equal({
      ...{ cpu: 3, cr3: 0x1000n, profile: parseProfile('kvm'), nested: parseNestedStage('npt:0x2000') },
    });
  });

  it('is refused for the command that it was given to', async () => {
    const refused = await expectRejection(toTranslateScope({ ...NOTHING, profile: 'x' }, 0, 'diff'));
    expect(refused).to.be.instanceOf(UsageError).and.include({ command: 'diff' });
    expect(refused.cause).to.be.instanceOf(GuestUsageError);
    expect(await refusal({ nested: 'vax' })).to.match(/vax/);
  });
});

describe('cli/parseScopeOptions', () => {
  const parse = (line: string) => {
    const words = [...line.split(' ').filter((word) => word !== ''), '--qmp', 'unix:/a'];
    const options = parseOptions(words, { ...GUEST_OPTIONS, ...SCOPE_OPTIONS }, 'map');
    return parseScopeOptions(options, parseGuestOptions(options, {}, 'map'), 'map');
  };

  it('has all that is said, and the rest as it is by itself', () => {
    expect(parse('')).to.deep.equal(NOTHING);
    expect(
      parse('--cr3 0x1000 --set A=1 --set B=2 --profile amd --nested none --symbols vmlinux --no-host-memory'),
    ).to.deep.equal({
      ...{ cr3: 0x1000n, process: undefined, symbolsFile: 'vmlinux', overrides: ['A=1', 'B=2'], profile: 'amd' },
      ...{ nested: 'none', live: false, hostMemory: false },
    });
    expect(parse('--live')).to.deep.equal({ ...NOTHING, live: true });
    expect(parse('--process bash')).to.deep.equal({ ...NOTHING, process: 'bash' });
    for (const pid of [0, 4_194_304]) expect(parse(`--pid ${pid}`)).to.deep.equal({ ...NOTHING, process: pid });
  });

  for (const [line, message] of [
    ['--cr3 1 --pid 1', '--cr3 and --pid exclude each other'],
    ['--process a --cr3 1', '--cr3 and --process exclude each other'],
    ['--process a --pid 1', '--pid and --process exclude each other'],
    ['--pid 4194305', '--pid "4194305" is not a whole number from 0 to 4194304'],
    ['--cr3 x', '--cr3 "x" is not a number (hexadecimal with 0x in front, or decimal)'],
    ['--live --no-host-memory', '--live reads memory from this host, which --no-host-memory refuses'],
  ] as const) {
    it(`refuses ${line}`, () => {
      expect(() => parse(line))
        .to.throw(UsageError)
        .that.includes({ message, command: 'map' });
    });
  }

  it('takes no guest live that pauses by itself', () => {
    const options = parseOptions(['--gdb', 'tcp::1', '--live'], { ...GUEST_OPTIONS, ...SCOPE_OPTIONS }, 'map');
    expect(() => parseScopeOptions(options, parseGuestOptions(options, {}, 'map'), 'map'))
      .to.throw(UsageError)
      .that.includes({ message: '--live needs --qmp: the GDB stub pauses the guest', command: 'map' });
  });
});
