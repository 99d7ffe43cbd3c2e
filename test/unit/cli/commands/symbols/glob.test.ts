import { expect } from 'chai';
import { isGlob, matchesGlob } from '../../../../../src/cli/commands/symbols/glob.ts';

describe('cli/matchesGlob', () => {
  const cases: readonly (readonly [pattern: string, matched: readonly string[], others: readonly string[]])[] = [
    ['do_exit', ['do_exit'], ['do_exi', 'do_exit_', 'xdo_exit', '']],
    ['*', ['', 'a', 'do_exit'], []],
    ['**', ['', 'a'], []],
    ['?', ['a'], ['', 'ab']],
    ['a?c', ['abc', 'a?c'], ['ac', 'abbc', 'abd']],
    ['do_*', ['do_', 'do_exit', 'do_do_'], ['do', 'xdo_', 'DO_exit']],
    ['*_exit', ['_exit', 'do_exit', '_exit_exit'], ['do_exit_', '_exi', 'exit']],
    ['*a*b', ['ab', 'xaxb', 'aab', 'abab'], ['ba', 'abx', 'a']],
    ['a*a', ['aa', 'aba', 'aaa'], ['a', 'ab', 'ba']],
    ['*ab?', ['abc', 'ababc', 'aabx'], ['ab', 'abcd', 'xb']],
    ['a*b*c', ['abc', 'axbxc', 'abcbc'], ['acb', 'ab', 'axc']],
    ['a**', ['a', 'ab'], ['', 'b']],
    ['', [''], ['a']],
  ];
  for (const [pattern, matched, others] of cases) {
    it(`${JSON.stringify(pattern)} stands for what it says, and for nothing else`, () => {
      for (const name of matched) expect(matchesGlob(name, pattern), name).to.equal(true);
      for (const name of others) expect(matchesGlob(name, pattern), name).to.equal(false);
    });
  }

  it('is asked for where a name has one of its characters', () => {
    for (const text of ['*', 'a?', 'do_*', '?']) expect(isGlob(text), text).to.equal(true);
    for (const text of ['', 'do_exit', 'a+0x10', '[ab]']) expect(isGlob(text), text).to.equal(false);
  });
});
