import { expect } from 'chai';
import { UsageError } from '../../../../src/cli/errors.ts';
import type { OptionTable } from '../../../../src/cli/options/option-row.ts';
import { parseOptions, refusePositionals } from '../../../../src/cli/options/parse-options.ts';

const TABLE: OptionTable = {
  json: { help: 'a flag' },
  from: { value: 'FILE', help: 'a value' },
  set: { value: 'NAME=VALUE', repeats: true, help: 'values' },
};

const parse = (...words: readonly string[]) => parseOptions(words, TABLE, 'sample');

describe('cli/parseOptions', () => {
  it('sorts words by the table', () => {
    expect(
      parse('0x1', '--json', '--set', 'A=1', '--from', 'list', '--set=B=', '--json', '-', '--', '--from'),
    ).to.deep.equal({
      values: new Map([['from', 'list']]),
      lists: new Map([['set', ['A=1', 'B=']]]),
      flags: new Set(['json']),
      positionals: ['0x1', '-', '--from'],
    });
    expect(parse()).to.deep.equal({ values: new Map(), lists: new Map(), flags: new Set(), positionals: [] });
  });

  it('takes standard input for a file, and behind = whatever is there', () => {
    expect(parse('--from', '-').values).to.deep.equal(new Map([['from', '-']]));
    expect(parse('--from=--json').values).to.deep.equal(new Map([['from', '--json']]));
  });

  for (const [words, message] of [
    [['--form', 'x'], 'unknown option --form; did you mean --from?'],
    [['--xyzzy=1'], 'unknown option --xyzzy'],
    [['-x'], 'unknown option -x'],
    [['--toString'], 'unknown option --toString'],
    [['--json=yes'], '--json takes no value (got "yes")'],
    [['--from'], '--from needs a value: --from FILE'],
    [['--from='], '--from needs a value: --from FILE'],
    [['--set'], '--set needs a value: --set NAME=VALUE'],
    [
      ['--from', '--json'],
      '--from needs a value: --from FILE (--json would be the next option; write --from=--json if it is meant)',
    ],
    [['--from', 'a', '--from', 'b'], '--from takes one value (got "a" and "b")'],
    [['1', '-5'], '-5: a number cannot be negative here'],
    [['--from', '-5'], '-5: a number cannot be negative here'],
  ] as const) {
    it(`refuses ${words.join(' ')}`, () => {
      expect(() => parse(...words))
        .to.throw(UsageError)
        .that.includes({ message, command: 'sample' });
    });
  }
});

describe('cli/refusePositionals', () => {
  it('refuses the first word that is no option, with a hint', () => {
    refusePositionals({ positionals: [] }, 'state');
    expect(() => refusePositionals({ positionals: ['a', 'b'] }, 'state'))
      .to.throw(UsageError)
      .that.includes({ message: 'state takes no argument (got "a")', command: 'state' });
    expect(() => refusePositionals({ positionals: ['a'] }, 'map', '; did you mean find?')).to.throw(
      'map takes no argument (got "a"); did you mean find?',
    );
  });
});
