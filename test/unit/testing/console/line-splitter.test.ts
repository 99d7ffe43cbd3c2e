import { expect } from 'chai';
import { LineSplitter } from '../../../../src/testing/console/line-splitter.ts';

describe('LineSplitter', () => {
  it('gives lines without their ends, and keeps what has not ended', () => {
    const splitter = new LineSplitter();
    expect(splitter.push('one\r\ntw')).to.deep.equal(['one']);
    expect(splitter.partial).to.equal('tw');
    expect(splitter.push('o\n\nlogin: ')).to.deep.equal(['two', '']);
    expect(splitter.partial).to.equal('login: ');
  });

  it('leaves out what is for a terminal alone, also where it comes in pieces', () => {
    const splitter = new LineSplitter();
    expect(splitter.push('\u001b[1;31mred\u001b[0m\n/ # \u001b[')).to.deep.equal(['red']);
    splitter.push('6n');
    expect(splitter.partial).to.equal('/ # ');
  });

  it('cuts a line that never ends', () => {
    const splitter = new LineSplitter();
    const lines = Array.from({ length: 3 }, () => splitter.push('x'.repeat(50_000))).flat();
    expect(lines.map(({ length }) => length)).to.deep.equal([100_000]);
  });
});
