import { expect } from 'chai';
import { complainOnce } from '../../../../../src/cli/session/names/complain-once.ts';

describe('cli/complainOnce', () => {
  it('says each sentence once for a Linux, and again for another one', () => {
    const said: string[] = [];
    const context = { complain: (line: string) => void said.push(line) };
    const [one, other] = [{}, {}];
    complainOnce(one, ['a', 'b', 'a'], context);
    complainOnce(one, ['b', 'c'], context);
    complainOnce(other, ['a'], context);
    expect(said).to.deep.equal(['a', 'b', 'c', 'a'].map((line) => `pagewalk: ${line}`));
  });
});
