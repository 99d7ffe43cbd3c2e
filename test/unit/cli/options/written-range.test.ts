import { expect } from 'chai';
import { UsageError } from '../../../../src/cli/errors.ts';
import { isNamedRange, parseWrittenRange } from '../../../../src/cli/options/written-range.ts';

describe('cli/parseWrittenRange', () => {
  const parse = (text: string) => parseWrittenRange(text, '--range', 'map');
  const exit = { name: 'do_exit', module: undefined, sizeBytes: undefined };

  it('understands numbers as ever, and as kernels print them', () => {
    expect(parse('0x1000-0x1fff')).to.deep.equal({ kind: 'numbers', first: 0x1000n, last: 0x1fffn });
    expect(parse('4096+4096')).to.deep.equal({ kind: 'numbers', first: 0x1000n, last: 0x1fffn });
    const kernel = { kind: 'numbers', first: 0xffff_ffff_8100_0000n, last: 0xffff_ffff_8100_0fffn };
    expect(parse('ffffffff81000000-ffffffff81000fff')).to.deep.equal(kernel);
    expect(parse('ffffffff81000000+0x1000')).to.deep.equal(kernel);
    expect(isNamedRange(parse('0-1'))).to.equal(false);
  });

  it('takes a name at either end, a size behind it, and a symbol for all of it', () => {
    expect(parse('do_exit')).to.deep.include({ kind: 'symbol' });
    expect(parse('_stext-_etext')).to.deep.include({ kind: 'ends' });
    for (const text of ['0x1000-_etext', '_stext-0xffffffff81ffffff']) {
      const { kind, ...ends } = parse(text);
      expect([kind, Object.keys(ends)], text).to.deep.equal(['ends', ['text', 'first', 'last']]);
    }
    expect(parse('do_exit+0x10+0x100')).to.deep.equal({
      kind: 'size',
      text: 'do_exit+0x10+0x100',
      first: { kind: 'symbol', text: 'do_exit+0x10', symbol: exit, offset: 0x10n },
      sizeBytes: 0x100n,
    });
    expect(parse('rsp+4096')).to.deep.include({ kind: 'size', sizeBytes: 4096n });
    expect([isNamedRange(parse('do_exit')), isNamedRange(parse('rsp+16'))]).to.deep.equal([true, false]);
  });

  for (const [text, message] of [
    ['0x1000', '--range "0x1000" is not FIRST-LAST, nor FIRST+SIZE'],
    ['-1', '--range "-1" is not FIRST-LAST, nor FIRST+SIZE'],
    ['1-2-3', '--range "1-2-3" is not FIRST-LAST, nor FIRST+SIZE'],
    ['2-1', '--range "2-1" ends before it begins'],
    ['2+0', '--range "2+0" ends before it begins'],
    ['0xffffffffffffffff+2', '--range "0xffffffffffffffff+2" does not fit 64 bits'],
  ] as const) {
    it(`refuses ${text}`, () => {
      expect(() => parse(text))
        .to.throw(UsageError)
        .that.includes({ message, command: 'map' });
    });
  }
});
