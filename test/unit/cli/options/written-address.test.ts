import { expect } from 'chai';
import { UsageError } from '../../../../src/cli/errors.ts';
import { parseWrittenAddress } from '../../../../src/cli/options/written-address.ts';

const parse = (text: string): unknown => {
  const { text: _, ...address } = parseWrittenAddress(text, 'translate') as { text?: string };
  return address;
};
const number = (value: bigint): unknown => ({ kind: 'number', value });
const symbol = (name: string, offset = 0n, sizeBytes?: number, module?: string): unknown => ({
  kind: 'symbol',
  symbol: { name, module, sizeBytes },
  offset,
});

describe('cli/parseWrittenAddress', () => {
  it('takes numbers as before', () => {
    expect(parse('0xffff_8000')).to.deep.equal(number(0xffff_8000n));
    expect(parse('ffff8000`00105000')).to.deep.equal(number(0xffff_8000_0010_5000n));
    expect(parse('12345678')).to.deep.equal(number(12_345_678n));
    expect(parse('1234567890123456')).to.deep.equal(number(1_234_567_890_123_456n));
  });

  it('takes hexadecimal as kernels print it', () => {
    expect(parse('ffffffff81000000')).to.deep.equal(number(0xffff_ffff_8100_0000n));
    expect(parse('c1000000')).to.deep.equal(number(0xc100_0000n));
    expect(parse('00401000')).to.deep.equal(number(0x40_1000n));
    expect(parse('0000000000401000')).to.deep.equal(number(0x40_1000n));
    expect(parse('[<ffffffff81000010>]')).to.deep.equal(number(0xffff_ffff_8100_0010n));
    expect(parse('CR2: 0000000000000008')).to.deep.equal(number(8n));
    expect(parse('RSP: 0018:ffffc90000013e60 EFLAGS: 00010246')).to.deep.equal(number(0xffff_c900_0001_3e60n));
  });

  it('takes symbols', () => {
    expect(parse('do_exit')).to.deep.equal(symbol('do_exit'));
    expect(parse('do_exit+0x10')).to.deep.equal(symbol('do_exit', 0x10n));
    expect(parse('fuse:fuse_init+16')).to.deep.equal(symbol('fuse_init', 16n, undefined, 'fuse'));
    expect(parse('__pfx_foo.isra.0')).to.deep.equal(symbol('__pfx_foo.isra.0'));
  });

  it('takes lines of an oops', () => {
    const wanted = symbol('do_exit', 0x10n, 0xb30);
    expect(parse('do_exit+0x10/0xb30')).to.deep.equal(wanted);
    expect(parse('RIP: 0010:do_exit+0x10/0xb30')).to.deep.equal(wanted);
    expect(parse('[   12.345678] RIP: 0010:do_exit+0x10/0xb30')).to.deep.equal(wanted);
    expect(parse('[   12.345678]  ? do_exit+0x10/0xb30')).to.deep.equal(wanted);
    expect(parse('RIP: 0010:[<ffffffff81000010>]  [<ffffffff81000010>] do_exit+0x10/0xb30')).to.deep.equal(
      number(0xffff_ffff_8100_0010n),
    );
    expect(parse(' fuse_init+0x4/0x20 [fuse]')).to.deep.equal(symbol('fuse_init', 4n, 0x20, 'fuse'));
  });

  it('takes registers and physical addresses', () => {
    expect(parse('rip')).to.deep.equal({ kind: 'register', register: 'rip', offset: 0n });
    expect(parse('RSP+8')).to.deep.equal({ kind: 'register', register: 'rsp', offset: 8n });
    expect(parse('cs:ip')).to.deep.equal({ kind: 'register', register: 'cs:ip', offset: 0n });
    expect(parse('phys:0x1000')).to.deep.equal({ kind: 'physical', value: 0x1000n });
  });

  it('refuses what is none of these, with the form that a number has', () => {
    for (const text of ['0xzz', '12ab', 'ffff80', '', '!', 'a b', '+4', 'x+', 'do_exit+zz', '0x1+0x2'])
      expect(() => parse(text), text).to.throw(UsageError);
    expect(() => parse('ffff80')).to.throw(/hexadecimal is written with 0x in front: 0xffff80/);
  });
});

describe('cli/parseWrittenAddress, in full', () => {
  const plain = (text: string, name: string, offset = 0n, more: object = {}): unknown => ({
    ...{ kind: 'symbol', text, symbol: { name, module: undefined, sizeBytes: undefined, ...more }, offset },
  });
  const register = (text: string, name: string, offset = 0n): unknown => ({
    ...{ kind: 'register', text, register: name, offset },
  });

  const UNDERSTOOD: readonly (readonly [string, unknown])[] = [
    ['  0x10 ', number(0x10n)],
    ['12345678', number(12_345_678n)],
    ['1234567a', number(0x1234_567an)],
    ['01234567', number(0x123_4567n)],
    ['0000000000000010', number(0x10n)],
    ['[<10>]', number(0x10n)],
    ['<ffff>', number(0xffffn)],
    ['CR2: 20', number(0x20n)],
    ['cr2 : 20 more', number(0x20n)],
    ['RSP: 0018:ffffc90000013e60', number(0xffff_c900_0001_3e60n)],
    ['EIP: 0060:[<c1000010>] EFLAGS', number(0xc100_0010n)],
    ['[  1.5] ? 0x10', number(0x10n)],
    ['rip', register('rip', 'rip')],
    ['EIP', register('EIP', 'rip')],
    ['pc+1', register('pc+1', 'rip', 1n)],
    ['esp', register('esp', 'rsp')],
    ['sp+0x10', register('sp+0x10', 'rsp', 0x10n)],
    ['rsp', register('rsp', 'rsp')],
    ['Cr2', register('Cr2', 'cr2')],
    ['CS:IP', register('CS:IP', 'cs:ip')],
    ['PHYS:4096', { kind: 'physical', text: 'PHYS:4096', value: 4096n }],
    ['constructor', plain('constructor', 'constructor')],
    ['_', plain('_', '_')],
    ['a.b$c@d', plain('a.b$c@d', 'a.b$c@d')],
    ['do_exit+0x10/0xb30', plain('do_exit+0x10/0xb30', 'do_exit', 0x10n, { sizeBytes: 0xb30 })],
    ['do_exit/0xb30', plain('do_exit/0xb30', 'do_exit', 0n, { sizeBytes: 0xb30 })],
    ['a+1/0xfffffffffff1', plain('a+1/0xfffffffffff1', 'a', 1n, { sizeBytes: 0xffff_ffff_fff1 })],
    ['x+1/0xfffffffffff12', plain('x+1/0xfffffffffff12', 'x', 1n)],
    ['m-1:name', plain('m-1:name', 'name', 0n, { module: 'm-1' })],
    ['m:name+2 [n]', plain('m:name+2 [n]', 'name', 2n, { module: 'n' })],
    ['RIP: 0010:f+0x4/0x20 [fuse] Code', plain('f+0x4/0x20 [fuse]', 'f', 4n, { sizeBytes: 0x20, module: 'fuse' })],
    ['RIP: 0010:f+0x4/0x20 Code', plain('f+0x4/0x20', 'f', 4n, { sizeBytes: 0x20 })],
    ['g', plain('g', 'g')],
  ];
  for (const [text, address] of UNDERSTOOD) {
    it(`takes ${text}`, () => {
      expect(parseWrittenAddress(text, 'translate')).to.deep.equal(address);
    });
  }

  const NOT = 'is not a number (hexadecimal with 0x in front, or decimal)';
  const REFUSED: readonly (readonly [string, string])[] = [
    ['RIP:', `address "RIP:" ${NOT}`],
    ['[<12345678123456781>]', `address "[<12345678123456781>]" ${NOT}`],
    ['12ab', 'address "12ab" is not a number; hexadecimal is written with 0x in front: 0x12ab'],
    ['b0h', 'address "b0h" is not a number; hexadecimal is written with 0x in front: 0xb0'],
    ['phys:x', `physical address "x" ${NOT}`],
    ['rip+x', `offset "x" ${NOT}`],
  ];
  for (const [text, message] of REFUSED) {
    it(`refuses ${text}`, () => {
      expect(() => parseWrittenAddress(text, 'find'))
        .to.throw(UsageError)
        .that.includes({ message, command: 'find' });
    });
  }

  it('takes for a name what no digit is in, and for a long number what is behind a label', () => {
    expect(parseWrittenAddress('abc', 'find')).to.deep.equal(plain('abc', 'abc'));
    expect(parseWrittenAddress('CR2: 12345678123456781', 'find')).to.deep.equal(number(12_345_678_123_456_781n));
  });
});
