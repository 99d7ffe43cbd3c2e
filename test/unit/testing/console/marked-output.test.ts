import { expect } from 'chai';
import { MarkedOutput } from '../../../../src/testing/console/marked-output.ts';

const ECHO = 'echo pw""b1; : | ( eval true ) 2>&1; echo pw""e1" "$?\r\n';

describe('MarkedOutput', () => {
  it('finds both marks in one piece, however much came before', () => {
    const output = new MarkedOutput('pwb1', 'pwe1');
    expect(output.push(ECHO)).to.equal(undefined);
    expect(output.hasBegun).to.equal(false);
    expect(output.push('pwb1\r\npwe1 0\r\n# ')).to.deep.equal({ output: '\r\n', status: 0 });
  });

  it('finds marks that come a character at a time, and a status', () => {
    const output = new MarkedOutput('pwb1', 'pwe1');
    const pieces = [...`${ECHO}pwb1\r\npwe1 is no endpwe1 127\r`];
    const outcomes = pieces.map((piece) => output.push(piece));
    expect(outcomes.pop()).to.deep.equal({ output: '\r\npwe1 is no end', status: 127 });
    expect(new Set(outcomes)).to.deep.equal(new Set([undefined]));
  });

  it('takes time as the output is long, and not as its square', () => {
    const output = new MarkedOutput('pwb1', 'pwe1');
    for (let count = 0; count < 300_000; count += 1) output.push('n');
    expect(output.chars).to.equal(0);
    output.push('pwb1');
    for (let count = 0; count < 300_000; count += 1) output.push('o');
    expect(output.push('pwe1 0\n')?.output).to.equal('o'.repeat(300_000));
  }).timeout(5000);
});
