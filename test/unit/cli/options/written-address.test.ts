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
