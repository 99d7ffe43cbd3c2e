import { expect } from 'chai';
import { LineScanner } from '../../../../protocols/qmp/monitor-text/line-scanner.ts';

describe('LineScanner', () => {
  it('takes everything up to a mark, and the mark, or nothing', () => {
    const scanner = new LineScanner(':one:two');
    expect(scanner.until(':')).to.equal('');
    expect(scanner.until(':')).to.equal('one');
    expect(scanner.until(':')).to.equal(undefined);
    expect(scanner.rest).to.equal('two');
    expect(scanner.isAtEnd).to.equal(false);
  });

  it('takes digits, and no more of them than it may', () => {
    expect(new LineScanner('00ff').hexDigits(4)).to.equal('00ff');
    expect(new LineScanner('00ff0').hexDigits(4)).to.equal(undefined);
    expect(new LineScanner('FF').hexDigits(4)).to.equal(undefined);
    expect(new LineScanner('123456789 ').decimal()).to.equal(123_456_789);
    expect(new LineScanner('1234567890').decimal()).to.equal(undefined);
    expect(new LineScanner('').decimal()).to.equal(undefined);
  });
});
