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

  it('has all that is written', () => {
    const symbol = (name: string, text = name, offset = 0n) => ({
      kind: 'symbol',
      text,
      symbol: { ...exit, name },
      offset,
    });
    const rip = { kind: 'register', text: 'rip', register: 'rip', offset: 0n };
    for (const [text, range] of [
      ['do_exit', { kind: 'symbol', text: 'do_exit', first: symbol('do_exit') }],
      ['_stext-_etext', { kind: 'ends', text: '_stext-_etext', first: symbol('_stext'), last: symbol('_etext') }],
      [
        '0x10-_etext',
        { kind: 'ends', text: '0x10-_etext', first: { kind: 'number', value: 0x10n }, last: symbol('_etext') },
      ],
      ['_stext-16', { kind: 'ends', text: '_stext-16', first: symbol('_stext'), last: { kind: 'number', value: 16n } }],
      ['rip-rip', { kind: 'ends', text: 'rip-rip', first: rip, last: rip }],
      ['rip+0x20', { kind: 'size', text: 'rip+0x20', first: rip, sizeBytes: 0x20n }],
      ['sym+1+2', { kind: 'size', text: 'sym+1+2', first: symbol('sym', 'sym+1', 1n), sizeBytes: 2n }],
      [
        'phys:0+16',
        { kind: 'size', text: 'phys:0+16', first: { kind: 'physical', text: 'phys:0', value: 0n }, sizeBytes: 16n },
      ],
      ['00001000-00001fff', { kind: 'numbers', first: 0x1000n, last: 0x1fffn }],
      ['0000000000001000+0x10', { kind: 'numbers', first: 0x1000n, last: 0x100fn }],
      ['5+1', { kind: 'numbers', first: 5n, last: 5n }],
    ] as const) {
      expect(parse(text), text).to.deep.equal(range);
    }
  });

  it('is named where a symbol or physical memory is at one of its ends', () => {
    const named = (text: string) => isNamedRange(parse(text));
    expect(['rip-do_exit', 'do_exit-rip', 'phys:0+16', 'sym+1', 'phys:0-phys:1', 'sym'].map(named)).to.deep.equal(
      Array.from({ length: 6 }, () => true),
    );
    expect(['rip-rsp', 'rip+1', '1-2', '0x10-rip'].map(named)).to.deep.equal(Array.from({ length: 4 }, () => false));
    expect(isNamedRange(null)).to.equal(false);
  });

  for (const [text, message] of [
    ['rip', '--range "rip" is not FIRST-LAST, nor FIRST+SIZE'],
    ['phys:5', '--range "phys:5" is not FIRST-LAST, nor FIRST+SIZE'],
    ['do_exit+x', '--range "x" is not a number (hexadecimal with 0x in front, or decimal)'],
    ['1-12ab', '--range "12ab" is not a number; hexadecimal is written with 0x in front: 0x12ab'],
    ['a!-b', 'address "a!" is not a number (hexadecimal with 0x in front, or decimal)'],
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
